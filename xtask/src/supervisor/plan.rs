//! What to run: the binary, the configuration file and where NATS and Redis come from.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::process::Command;

use super::{Log, SERVICES, secret_key, short_command};

const NATS_VARIABLE: &str = "TILLBOOK_NATS_URL";
const REDIS_VARIABLE: &str = "TILLBOOK_REDIS_URL";
const KEY_VARIABLE: &str = "TILLBOOK_SECRET_KEY";

/// Who runs a server, or has a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nobody else: we start one and stop it, or make one.
    Ours,
    /// The configuration or the environment names one; the services read that themselves.
    Named,
}

/// A process of the house.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its own: a second process of a service has another one.
    pub(crate) name: &'static str,
    pub(crate) service: &'static str,
    /// Its own configuration file, where it may not share one.
    config: Option<PathBuf>,
}

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    binary: PathBuf,
    config: PathBuf,
    data_dir: PathBuf,
    pub(crate) nats: Source,
    pub(crate) redis: Source,
    /// The key that seals the tokens.
    key: Source,
    pub(crate) log: Log,
    /// In the order of the pipeline.
    pub(crate) members: Vec<Member>,
    /// Run once when the streams are there, before any service.
    preparation: Option<(PathBuf, Vec<String>)>,
    /// Set for every child: the addresses of the servers we run, and the key.
    environment: Vec<(&'static str, String)>,
}

impl Plan {
    /// Reads the few keys the supervisor needs. The file is checked in full by
    /// [`check_config`](Self::check_config), which knows every key.
    pub(crate) fn read(binary: PathBuf, config: &Path, log: Log) -> anyhow::Result<Self> {
        let config = std::path::absolute(config)?;
        let text = std::fs::read_to_string(&config).with_context(|| {
            format!(
                "reading {}; name an existing file with --config",
                config.display()
            )
        })?;
        let table: toml::Table = text
            .parse()
            .with_context(|| format!("{} is not TOML", config.display()))?;
        let named = |section: &str, key: &str, variable: &str| {
            // A secret may also stand elsewhere: see docs/configuration.md.
            let keys = ["", "_env", "_file"].map(|suffix| format!("{key}{suffix}"));
            let section = table.get(section).and_then(toml::Value::as_table);
            let in_file = section.is_some_and(|s| keys.iter().any(|key| s.contains_key(key)));
            let in_environment = std::env::var_os(variable).is_some_and(|url| !url.is_empty());
            if in_file || in_environment {
                Source::Named
            } else {
                Source::Ours
            }
        };
        let data_dir = table
            .get("data_dir")
            .and_then(toml::Value::as_str)
            .unwrap_or(".tillbook");
        let beside = config.parent().unwrap_or(Path::new("."));
        Ok(Self {
            data_dir: beside.join(data_dir),
            nats: named("nats", "url", NATS_VARIABLE),
            redis: named("redis", "url", REDIS_VARIABLE),
            key: named("encryption", "key", KEY_VARIABLE),
            binary,
            config,
            log,
            members: SERVICES
                .into_iter()
                .map(|service| Member {
                    name: service,
                    service,
                    config: None,
                })
                .collect(),
            preparation: None,
            environment: Vec::new(),
        })
    }

    /// Starts servers of our own whatever the environment names.
    pub(crate) fn own_servers(&mut self) {
        self.nats = Source::Ours;
        self.redis = Source::Ours;
    }

    /// Runs `service` in one more process, with a configuration of its own if one is given.
    pub(crate) fn add_twin(
        &mut self,
        name: &'static str,
        service: &'static str,
        config: Option<PathBuf>,
    ) {
        let beside = self
            .members
            .iter()
            .position(|member| member.service == service);
        let place = beside.map_or(self.members.len(), |beside| beside.saturating_add(1));
        let twin = Member {
            name,
            service,
            config,
        };
        self.members.insert(place, twin);
    }

    /// Runs `program` once when the streams are there, before any service.
    pub(crate) fn prepare_with(&mut self, program: PathBuf, arguments: Vec<String>) {
        self.preparation = Some((program, arguments));
    }

    pub(crate) async fn prepare(&self) -> anyhow::Result<()> {
        let Some((program, arguments)) = &self.preparation else {
            return Ok(());
        };
        let mut command = self.tool(program);
        command.args(arguments);
        short_command(command, "the preparation of the streams").await
    }

    /// A program of ours that is told where the servers are.
    pub(crate) fn tool(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Tells the children where our own servers are.
    pub(crate) fn with_urls(mut self, nats: Option<String>, redis: Option<String>) -> Self {
        self.environment
            .extend(nats.map(|url| (NATS_VARIABLE, url)));
        self.environment
            .extend(redis.map(|url| (REDIS_VARIABLE, url)));
        self
    }

    /// Gives the children the key of this house where the configuration names none; made once.
    pub(crate) fn with_key(mut self) -> anyhow::Result<Self> {
        if self.key == Source::Ours {
            let key = secret_key::of(&self.data_dir)?;
            self.environment.push((KEY_VARIABLE, key));
        }
        Ok(self)
    }

    /// Where everything durable of this house is kept.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Refuses a bad configuration before anything is started.
    pub(crate) async fn check_config(&self) -> anyhow::Result<()> {
        let mut command = self.short();
        command.arg("check-config");
        short_command(command, "the check of the configuration").await
    }

    /// Creates or migrates the streams.
    pub(crate) async fn bootstrap(&self) -> anyhow::Result<()> {
        let mut command = self.short();
        command.arg("bootstrap");
        short_command(command, "tillbook bootstrap").await
    }

    /// A command that ends by itself; its arguments are still to be added.
    pub(crate) fn short(&self) -> Command {
        self.command(Command::new(&self.binary))
    }

    /// The command of one service: bound to us twice (by the kernel where it can, by its standard
    /// input everywhere), and in a process group of its own so that a Ctrl-C in
    /// the terminal reaches the supervisor alone.
    pub(crate) fn service(&self, member: &Member) -> Command {
        let config = member.config.as_ref().unwrap_or(&self.config);
        let command = Command::from(servers::bound_to_parent(&self.binary));
        let mut command = self.configured(command, config);
        command
            .arg(member.service)
            .args(["--admin-listen", "127.0.0.1:0", "--exit-with-parent"]);
        command.process_group(0).kill_on_drop(true);
        command
    }

    fn command(&self, command: Command) -> Command {
        self.configured(command, &self.config)
    }

    fn configured(&self, mut command: Command, config: &Path) -> Command {
        command.arg("--config").arg(config);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tillbook.toml");
        std::fs::write(&file, text).unwrap();
        Plan::read("tillbook".into(), &file, Log::Stderr).unwrap()
    }

    #[test]
    fn servers_are_ours_unless_the_file_names_them() {
        let plan = plan("[nats]\nurl = \"nats://127.0.0.1:4222\"\n");
        assert_eq!((plan.nats, plan.redis), (Source::Named, Source::Ours));
        let plan = self::plan("[encryption]\nkey_file = \"key\"\n");
        assert_eq!((plan.nats, plan.key), (Source::Ours, Source::Named));
    }

    #[test]
    fn data_lives_beside_the_file_unless_it_says_otherwise() {
        let here = plan("");
        assert_eq!(
            here.data_dir,
            here.config.parent().unwrap().join(".tillbook")
        );
        assert_eq!(
            plan("data_dir = \"/var/lib/t\"").data_dir,
            Path::new("/var/lib/t")
        );
    }
}
