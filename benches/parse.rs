//! Reading a message: the scan of its nesting, its envelope, its metadata; beside serde_json's parse into a value.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use switchboard::jsonrpc::{Message, parse_one, scan};
use switchboard::protocol::RequestMeta;
use switchboard_benches::CALL;

fn parse(c: &mut Criterion) {
    let text = Bytes::from_static(CALL.as_bytes());
    let mut group = c.benchmark_group("parse");
    group.bench_function("value (the yardstick)", |b| {
        b.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(&text)));
    });
    group.bench_function("scan", |b| b.iter(|| scan(black_box(&text), 64)));
    group.bench_function("message", |b| b.iter(|| parse_one(black_box(&text), 64)));
    let Ok(Message::Request(request)) = parse_one(&text, 64) else { unreachable!("the call is a request") };
    group.bench_function("metadata", |b| b.iter(|| RequestMeta::read(black_box(&request.params))));
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
