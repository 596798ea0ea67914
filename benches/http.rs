//! `tools/call` over HTTP, beside a bare hyper server that parses the same JSON, in the same run: the figure is the ratio
//! of the two. One connection, one worker thread each; for CPU and rate at saturation see the example `compare`.

use criterion::{Criterion, criterion_group, criterion_main};
use switchboard_benches::{Client, runtime, start_bare, start_node};

fn http(c: &mut Criterion) {
    let runtimes = (runtime(), runtime());
    let mut bare = Client::connect(start_bare(&runtimes.0));
    let mut node = Client::connect(start_node(&runtimes.1));
    let mut group = c.benchmark_group("http");
    group.bench_function("bare hyper (the yardstick)", |b| b.iter(|| bare.call()));
    group.bench_function("tools/call", |b| b.iter(|| node.call()));
    group.finish();
}

criterion_group!(benches, http);
criterion_main!(benches);
