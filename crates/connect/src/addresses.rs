//! Which machines a vendor's address may lead to: public ones, or in development this machine.
//!
//! A vendor's host that resolves into the private network, by a slip or by somebody's DNS record,
//! would be handed a secret and could reach what answers there, the cloud's metadata service
//! first of all. So each name is looked at when it is resolved, for every connection. Not here:
//! whether development is allowed (`runtime::config`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tracing::warn;
use url::{Host, Url};

/// Where requests may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The base address names this machine: a sandbox in development.
    Loopback,
    /// Everything else.
    Public,
}

/// The base address names a machine that no vendor runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotPublic;

impl Reach {
    /// Where a base address leads; a literal address is judged here, a name when it is resolved.
    pub(crate) fn of(base: &Url) -> Result<Self, NotPublic> {
        let literal = match base.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => {
                return Ok(Self::Loopback);
            }
            _ => return Ok(Self::Public),
        };
        if literal.is_loopback() {
            Ok(Self::Loopback)
        } else if is_public(literal) {
            Ok(Self::Public)
        } else {
            Err(NotPublic)
        }
    }

    fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Loopback => address.is_loopback(),
            Self::Public => is_public(address),
        }
    }
}

/// Resolves names as the system does, and leaves out the addresses that may not be reached.
pub(crate) struct Guard {
    /// Any other name is an egress proxy's, which the environment names.
    host: String,
    reach: Reach,
}

#[derive(Debug, thiserror::Error)]
#[error("{host} resolves to no address that may be reached")]
struct Refused {
    host: String,
}

impl Guard {
    pub(crate) fn new(base: &Url, reach: Reach) -> Self {
        Self {
            host: base.host_str().unwrap_or_default().to_owned(),
            reach,
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let guarded = host.eq_ignore_ascii_case(&self.host);
        let reach = self.reach;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let admitted: Vec<SocketAddr> = found
                .iter()
                .copied()
                .filter(|address| !guarded || reach.admits(address.ip()))
                .collect();
            if admitted.is_empty() {
                warn!(
                    server.address = host,
                    ?found,
                    "a vendor's host resolves to a private, loopback or reserved address; nothing \
                     is sent there: check api_url and this machine's DNS"
                );
                return Err(Refused { host }.into());
            }
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is a machine of the public internet (IANA's special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Blocks that are no public machines: first address and the prefix' length.
const RESERVED_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Carrier-grade NAT, and the metadata service of one cloud.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local, and the metadata service of most clouds.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    // A public address that one cloud answers itself, metadata included.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    !RESERVED_V4.iter().any(|(first, length)| {
        let distinct = address.to_bits() ^ first.to_bits();
        distinct.leading_zeros() >= *length
    })
}

/// Blocks inside the public 2000::/3 that are none.
const RESERVED_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments, tunnels among them.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // A tunnel to the IPv4 address inside.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Translated to the IPv4 address in its last four bytes.
const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
const PUBLIC_V6: Ipv6Addr = Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0);

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    if shares(address, NAT64, 96) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    shares(address, PUBLIC_V6, 3)
        && !RESERVED_V6
            .iter()
            .any(|(first, length)| shares(address, *first, *length))
}

fn shares(address: Ipv6Addr, first: Ipv6Addr, length: u32) -> bool {
    (address.to_bits() ^ first.to_bits()).leading_zeros() >= length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_machines_are_public() {
        for public in [
            "8.8.8.8",
            "172.15.255.255",
            "172.32.0.1",
            "100.128.0.1",
            "169.253.1.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.100.100.200",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.0.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn literal_addresses_are_judged_however_they_are_written() {
        for refused in [
            "https://10.0.0.1",
            "https://0xa9fea9fe",
            "https://2852039166/latest",
            "https://0251.0376.0251.0376",
            "https://[fd00:ec2::254]",
            "https://[::ffff:169.254.169.254]",
            // Mapped loopback is no development either: write it as it is.
            "https://[::ffff:127.0.0.1]",
            "https://0.0.0.0",
        ] {
            assert_eq!(Reach::of(&url(refused)), Err(NotPublic), "{refused}");
        }
        assert_eq!(Reach::of(&url("https://8.8.8.8")), Ok(Reach::Public));
        assert_eq!(Reach::of(&url("http://[::1]:1")), Ok(Reach::Loopback));
        assert_eq!(Reach::of(&url("http://127.1:1")), Ok(Reach::Loopback));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused_unless_the_base_says_so() {
        let resolved = async |reach| {
            let guard = Guard::new(&url("https://localhost"), reach);
            guard
                .resolve("localhost".parse().unwrap())
                .await
                .map(Iterator::count)
        };
        assert!(resolved(Reach::Loopback).await.unwrap() > 0);
        let error = resolved(Reach::Public).await.unwrap_err();
        assert!(error.to_string().contains("localhost"), "{error}");
    }

    #[tokio::test]
    async fn the_name_of_an_egress_proxy_is_the_environments_business() {
        let guard = Guard::new(&url("https://api.example.com"), Reach::Public);
        assert!(guard.resolve("localhost".parse().unwrap()).await.is_ok());
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }
}
