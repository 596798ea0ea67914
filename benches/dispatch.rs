//! A call from its line to its answer, in memory: parsing, the era, dispatch, the handler and the answer, without a
//! socket and without HTTP.

use criterion::{Criterion, criterion_group, criterion_main};
use switchboard::node::{Config, Node};
use switchboard_benches::{CALL, catalogue};
use switchboard_bin::world::TokioEnv;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

fn dispatch(c: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime must start");
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    runtime.block_on(async {
        let env = TokioEnv::boot().expect("a world must boot");
        let node = Node::start(env, Config::new(), catalogue()).await.expect("the node must start");
        let (reader, writer) = tokio::io::split(theirs);
        tokio::spawn(async move { node.serve_stdio(reader, writer).await });
    });
    let (reader, mut writer) = tokio::io::split(ours);
    let mut reader = BufReader::new(reader);
    let line = format!("{CALL}\n");
    c.bench_function("dispatch/call in memory", |b| {
        b.iter(|| {
            runtime.block_on(async {
                writer.write_all(line.as_bytes()).await.expect("the node must read");
                let mut answer = String::new();
                reader.read_line(&mut answer).await.expect("the node must answer");
                assert!(answer.contains("hello, world"));
            });
        });
    });
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
