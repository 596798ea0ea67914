//! The session table at 100,000 and 1,000,000 entries while another thread writes, and the way from a sealed id to it.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use switchboard::env::{Entropy, WallTime};
use switchboard::ids::SessionId;
use switchboard::seal::{Keys, Principal, Ring, SessionTicket};
use switchboard::table::Table;

fn table(c: &mut Criterion) {
    let mut group = c.benchmark_group("session_table");
    for entries in [100_000_u64, 1_000_000] {
        let table: Arc<Table<SessionId, u64>> = Arc::new(Table::with_capacity(7, 1_000_000));
        let id = |n: u64| SessionId(u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        for n in 0..entries {
            table.insert(id(n), n);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (table.clone(), stop.clone());
        let writer = std::thread::spawn(move || {
            let mut n = entries;
            while !stopped.load(Ordering::Relaxed) {
                shared.insert(id(n), n);
                shared.remove(&id(n));
                n += 1;
            }
        });
        let mut n = 0_u64;
        group.bench_function(format!("get of {entries} under a writer"), |b| {
            b.iter(|| {
                n = (n + 7_919) % entries;
                black_box(table.get(&id(n)))
            });
        });
        stop.store(true, Ordering::Relaxed);
        writer.join().expect("the writer must end");
    }
    let mut entropy = Entropy::from_seed([7; 32]);
    let keys = Keys::new(Ring::generate(&mut entropy), entropy);
    let ticket = SessionTicket {
        tenant: 2,
        principal: Principal(3),
        id: SessionId(4),
        revision: 3,
        capabilities: 0,
        created: WallTime::from_unix_ms(5),
    };
    let sealed = ticket.seal(&keys);
    group.bench_function("open a sealed id", |b| b.iter(|| SessionTicket::open(&keys, black_box(&sealed))));
    group.finish();
}

criterion_group!(benches, table);
criterion_main!(benches);
