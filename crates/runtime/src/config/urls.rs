//! Which URLs are let in: `https`, and plain `http` only where nothing leaves
//! the machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use url::{Host, Url};

/// An absolute `https` URL, or `http` to a loopback host, without user, query
/// or fragment. The fault says what to write instead and repeats no value.
pub(super) fn secure(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|error| format!("is no URL ({error}); write for example https://example.com"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err("must start with https:// and name a host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not carry a query (?) or fragment (#)".to_owned());
    }
    if url.scheme() == "http" && loopback(&url).is_none() {
        return Err("must start with https://; plain http is for loopback hosts only".to_owned());
    }
    Ok(url)
}

/// The loopback address a URL's host stands for, if it is one.
pub(super) fn loopback(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => address.is_loopback().then_some(IpAddr::V4(address)),
        Host::Ipv6(address) => address.is_loopback().then_some(IpAddr::V6(address)),
        Host::Domain(name) => {
            let local = name == "localhost" || name.ends_with(".localhost");
            local.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST))
        }
    }
}

/// Where hooks are received when nothing is configured: beside a proxy on the
/// same machine the URL's own port, else port 8080 on every interface.
pub(super) fn default_listen(public_url: Option<&Url>) -> SocketAddr {
    let local = public_url.and_then(|url| {
        Some(SocketAddr::new(
            loopback(url)?,
            url.port_or_known_default()?,
        ))
    });
    local.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8080))
}

/// The loopback address with a port, the default of what is not for the world.
pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
