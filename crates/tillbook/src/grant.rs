//! `tillbook grant`: a new FreshBooks grant for a connection, while the services run.
//!
//! The refresh token comes on standard input, so that it stands in no list of processes and in no
//! history of a shell. Not here: how it is spent and kept (`store::tokens`).

use std::io::Read;

use anyhow::anyhow;
use connect::VendorError;
use connect::freshbooks::TokenError;
use runtime::config::Config;
use runtime::shutdown::CancellationToken;
use secrecy::{ExposeSecret, SecretString};

use crate::commands::{Failure, OrExit, code, named, print};
use crate::house::House;

/// Longer than any refresh token.
const TOKEN_BYTES_MAX: u64 = 8 * 1024;

#[derive(Debug, clap::Args)]
pub(crate) struct GrantArguments {
    /// Which connection; all that share its grant get the new one.
    #[arg(long)]
    connection: String,
}

pub(crate) async fn run(config: Config, arguments: GrantArguments) -> Result<(), Failure> {
    let name = arguments.connection;
    let connection = named(&config, &name)?.clone();
    let refresh_token = read_token()?;
    let house = House::open(config, "grant", CancellationToken::new()).await?;
    let tokens = house.tokens(&connection).await?;
    match tokens.take_grant(refresh_token).await {
        Ok(()) => print(&format!(
            "{name}: FreshBooks took the new grant; what waits goes on by itself, no restart is needed\n"
        )),
        Err(error) => Err(told(&name, error)),
    }
}

fn read_token() -> Result<SecretString, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(TOKEN_BYTES_MAX)
        .read_to_string(&mut text)
        .or_exit(code::FAILED)?;
    let text = SecretString::from(text);
    let token = text.expose_secret().trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(Failure::new(
            code::FAILED,
            anyhow!(
                "standard input holds no refresh token; give it alone, for example `tillbook grant --connection acme < token`"
            ),
        ));
    }
    Ok(SecretString::from(token))
}

fn told(name: &str, error: TokenError) -> Failure {
    let (code, what) = match &error {
        TokenError::Vendor(VendorError::GrantRevoked) => (
            code::FAILED,
            "FreshBooks does not know this refresh token (each works once); nothing was changed: connect the account again and give the new one",
        ),
        TokenError::Vendor(_) => (
            code::AGAIN,
            "FreshBooks did not take the refresh token now, and it may be spent; try it again, then with a new one",
        ),
        TokenError::Unavailable | TokenError::NotConnected => (
            code::AGAIN,
            "the grant could not be stored; is NATS there, or do other processes refresh just now? Try again",
        ),
    };
    Failure::new(
        code,
        anyhow::Error::new(error).context(format!("{name}: {what}")),
    )
}
