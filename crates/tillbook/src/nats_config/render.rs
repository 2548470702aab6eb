//! The text of the server's configuration: users with their permissions, and TLS.

use std::fmt::Write;
use std::path::PathBuf;

use contracts::permissions::{Permissions, User};

use super::MARK;

/// The server's certificate, and whose clients it accepts.
pub(crate) struct Tls {
    pub(crate) cert_file: PathBuf,
    pub(crate) key_file: PathBuf,
    /// Clients must show a certificate of this authority.
    pub(crate) client_ca_file: Option<PathBuf>,
}

/// The whole file. Texts in quotes are JSON's, which the server's format reads the same way.
pub(super) fn file(keys: &[(User, String)], tls: Option<&Tls>) -> String {
    let mut text = format!(
        "{MARK}; run it again instead of editing.\n\
         # Include it from the server's own configuration, which says where to listen and where\n\
         # JetStream keeps its files:\n#\n\
         #   listen: \"127.0.0.1:4222\"\n\
         #   jetstream {{ store_dir: \"/data\", max_file_store: 16GB }}\n\
         #   include \"tillbook-nats.conf\"\n\n"
    );
    if let Some(tls) = tls {
        render_tls(&mut text, tls);
    }
    text.push_str("authorization {\n  users: [\n");
    for (user, public_key) in keys {
        render_user(&mut text, *user, public_key);
    }
    text.push_str("  ]\n}\n");
    text
}

fn render_tls(text: &mut String, tls: &Tls) {
    let path = |path: &PathBuf| quoted(&path.to_string_lossy());
    text.push_str("tls {\n");
    // Writing to a String does not fail.
    let _ = writeln!(text, "  cert_file: {}", path(&tls.cert_file));
    let _ = writeln!(text, "  key_file: {}", path(&tls.key_file));
    if let Some(file) = &tls.client_ca_file {
        let _ = writeln!(text, "  ca_file: {}\n  verify: true", path(file));
    }
    text.push_str("}\n\n");
}

fn render_user(text: &mut String, user: User, public_key: &str) {
    let Permissions {
        publish,
        subscribe,
        answers,
    } = user.permissions();
    let _ = writeln!(text, "    {{ # {}", user.name());
    let _ = writeln!(text, "      nkey: {}", quoted(public_key));
    text.push_str("      permissions: {\n");
    for (what, subjects) in [("publish", publish), ("subscribe", subscribe)] {
        let _ = writeln!(text, "        {what}: {{ allow: [");
        for subject in subjects {
            let _ = writeln!(text, "          {}", quoted(&subject));
        }
        text.push_str("        ] }\n");
    }
    if answers {
        text.push_str("        allow_responses: { max: 1, expires: \"2m\" }\n");
    }
    text.push_str("      }\n    }\n");
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
