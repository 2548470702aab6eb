//! Why a process cannot do its work on NATS, what each reason is called, and what helps.
//!
//! Not here: how it is found out ([`crate::health`]).

use std::error::Error;

/// Why the process cannot do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No connection.
    Away,
    /// Connected, and no answer comes.
    Deaf,
    /// The server answers that it does not store.
    NotStoring,
    /// The server has no room left within its own limits.
    Full,
    /// A consumer or the probe's bucket is not there.
    Missing,
    /// The server forbids the process's user something.
    Forbidden,
}

impl Trouble {
    pub(crate) const ALL: [Self; 6] = [
        Self::Away,
        Self::Deaf,
        Self::NotStoring,
        Self::Full,
        Self::Missing,
        Self::Forbidden,
    ];

    /// The alert's name, and the gauge's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Away => "nats_away",
            Self::Deaf => "nats_deaf",
            Self::NotStoring => "nats_not_storing",
            Self::Full => "nats_full",
            Self::Missing => "nats_consumer_missing",
            Self::Forbidden => "nats_forbidden",
        }
    }

    /// What it means, and what a person does about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Away => {
                "there is no connection to NATS: start nats-server or mend the network between; \
                 Tillbook connects again by itself"
            }
            Self::Deaf => {
                "NATS is connected but does not answer, as after a reload that took a permission \
                 away: give this process's user its permissions back (tillbook bootstrap \
                 --write-nats-config, then reload nats-server); Tillbook connects again by itself"
            }
            Self::NotStoring => {
                "JetStream stores nothing; a full disk does that: free the disk, then restart \
                 nats-server, because JetStream does not resume by itself; where the disk has room, \
                 a stream may be missing: run tillbook bootstrap"
            }
            Self::Full => {
                "JetStream has reached its own limit and refuses to store: raise nats.storage_gib \
                 and run tillbook bootstrap, or raise max_file_store in nats-server's \
                 configuration; it resumes by itself"
            }
            Self::Missing => {
                "a consumer or the bucket health is missing on NATS: run tillbook bootstrap; it \
                 resumes by itself"
            }
            Self::Forbidden => {
                "NATS forbids this process's user a subject that it needs: give the user its \
                 permissions back (tillbook bootstrap --write-nats-config, then reload \
                 nats-server); the log names the subject; it resumes by itself"
            }
        }
    }

    /// Whether a message taken now could leave by no exit.
    pub(crate) const fn stops_work(self) -> bool {
        !matches!(self, Self::Missing)
    }
}

/// What an error of JetStream or of the client says about the whole.
pub(crate) fn meaning(error: &(dyn Error + 'static)) -> Trouble {
    let mut text = String::new();
    let mut cause = Some(error);
    while let Some(one) = cause {
        text.push_str(&one.to_string().to_lowercase());
        text.push(' ');
        cause = one.source();
    }
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["timed out", "timeout", "deadline"]) {
        Trouble::Deaf
    } else if says(&[
        "maximum bytes",
        "maximum messages",
        "resource limits exceeded",
    ]) {
        Trouble::Full
    } else if says(&["permissions violation"]) {
        Trouble::Forbidden
    } else if says(&["consumer not found", "stream not found"]) {
        Trouble::Missing
    } else {
        Trouble::NotStoring
    }
}

/// The same for one stream's publish. That the whole connection is deaf is the watch's to find.
pub(crate) fn of_one_stream(error: &(dyn Error + 'static)) -> Trouble {
    match meaning(error) {
        Trouble::Deaf | Trouble::Away => Trouble::NotStoring,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_own_advice() {
        for (says, trouble) in [
            ("request timed out", Trouble::Deaf),
            ("error: maximum bytes exceeded", Trouble::Full),
            ("no space left on device", Trouble::NotStoring),
            (
                "insufficient storage resources available",
                Trouble::NotStoring,
            ),
            (
                "JetStream system temporarily unavailable",
                Trouble::NotStoring,
            ),
            ("no responders", Trouble::NotStoring),
            ("consumer not found", Trouble::Missing),
            (
                "Permissions Violation for Publish to \"x\"",
                Trouble::Forbidden,
            ),
        ] {
            let error = std::io::Error::other(says);
            assert_eq!(meaning(&error), trouble, "{says}");
        }
        assert!(Trouble::NotStoring.advice().contains("restart nats-server"));
    }
}
