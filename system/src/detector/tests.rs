//! Detectors on a network in memory: up to a hundred, with loss, crashes, restarts and partitions, in virtual time.

use super::*;

/// What happened to one node's view, and when.
type Log = Vec<(Instant, NodeId, Output)>;

struct Net {
    now: Instant,
    detectors: BTreeMap<NodeId, Detector>,
    lives: BTreeMap<NodeId, u64>,
    due: BTreeSet<(Instant, NodeId)>,
    flying: BTreeMap<(Instant, u64), (NodeId, NodeId, Bytes)>,
    sent: u64,
    bytes: u64,
    dice: Entropy,
    loss_per_mille: u64,
    /// Up to this node, nodes are on one side; the others on the other.
    cut_after: u64,
    log: Log,
}

impl Net {
    fn new(nodes: u64, seed: u8) -> Self {
        let mut net = Self {
            now: Instant::BOOT,
            detectors: BTreeMap::new(),
            lives: BTreeMap::new(),
            due: BTreeSet::new(),
            flying: BTreeMap::new(),
            sent: 0,
            bytes: 0,
            dice: Entropy::from_seed([seed; 32]),
            loss_per_mille: 0,
            cut_after: 0,
            log: Log::new(),
        };
        net.lives = (1..=nodes).map(|node| (NodeId(node), 0)).collect();
        (1..=nodes).for_each(|node| net.start(NodeId(node)));
        net
    }

    /// A network on which everybody knows everybody.
    fn joined(nodes: u64, seed: u8) -> Self {
        let mut net = Self::new(nodes, seed);
        let took = net.until(20, Self::all_know_all);
        assert!(took.is_some(), "{nodes} nodes must find each other");
        net.run(10);
        net.log.clear();
        net
    }

    fn start(&mut self, node: NodeId) {
        let life = self.lives.get_mut(&node).expect("a node must be one of the cluster's");
        *life += 1;
        let mut seed = [0; 32];
        self.dice.fill(&mut seed);
        let entropy = Entropy::from_seed(seed);
        let mut detector = Detector::new(node, Incarnation(*life), entropy, Config::default(), self.now);
        let members = self.lives.keys().copied().collect();
        detector.handle(self.now, Input::Members(&members));
        self.detectors.insert(node, detector);
        self.drain(node);
    }

    fn handle(&mut self, node: NodeId, input: Input<'_>) {
        if let Some(detector) = self.detectors.get_mut(&node) {
            detector.handle(self.now, input);
            self.drain(node);
        }
    }

    fn drain(&mut self, node: NodeId) {
        let Some(detector) = self.detectors.get_mut(&node) else { return };
        // One that is too early is found to be so when it comes.
        self.due.extend(detector.deadline().map(|at| (at, node)));
        while let Some(output) = detector.poll_output() {
            let Output::Send { to, bytes } = output else {
                self.log.push((self.now, node, output));
                continue;
            };
            self.sent += 1;
            self.bytes += u64::try_from(bytes.len()).expect("a length must fit");
            let is_cut = (node.0 <= self.cut_after) != (to.0 <= self.cut_after);
            if !is_cut && !self.dice.chance(self.loss_per_mille, 1_000) {
                let at = Instant::from_nanos(self.now.as_nanos() + 200_000 + self.dice.below(800_000));
                self.flying.insert((at, self.sent), (node, to, bytes));
            }
        }
    }

    fn run(&mut self, seconds: u64) {
        self.until(seconds, |_| false);
    }

    /// Goes on until something is so, looked at each tenth of a second; says how many tenths it took.
    fn until(&mut self, seconds_max: u64, so: impl Fn(&Self) -> bool) -> Option<u64> {
        for tenth in 0..seconds_max * 10 {
            if so(self) {
                return Some(tenth);
            }
            let end = self.now.after_ms(100);
            while self.turn(end) {}
            self.now = end;
        }
        so(self).then_some(seconds_max * 10)
    }

    fn turn(&mut self, end: Instant) -> bool {
        let flying = self.flying.first_key_value().map(|((at, _), _)| *at);
        let due = self.due.first().copied();
        match (flying, due) {
            (Some(at), due) if at <= end && due.is_none_or(|(due, _)| at <= due) => {
                self.now = self.now.max(at);
                let (_, (from, to, bytes)) = self.flying.pop_first().expect("what flies must be there");
                self.handle(to, Input::Bytes { from, bytes: &bytes });
                true
            }
            (_, Some((at, node))) if at <= end => {
                self.now = self.now.max(at);
                self.due.pop_first();
                if self.detectors.get(&node).and_then(Detector::deadline).is_some_and(|due| due <= self.now) {
                    self.handle(node, Input::Timer);
                }
                true
            }
            _ => false,
        }
    }

    fn knows(&self, node: NodeId, other: NodeId) -> bool {
        let said = self.detectors[&node].said.get(&other);
        said.is_some_and(|said| said.incarnation.0 == self.lives[&other])
    }

    fn each_knows(&self, expect: impl Fn(NodeId, NodeId) -> bool) -> bool {
        let pairs = self
            .detectors
            .keys()
            .flat_map(|a| self.lives.keys().map(move |b| (*a, *b)))
            .filter(|(a, b)| a != b);
        pairs.into_iter().all(|(a, b)| self.knows(a, b) == expect(a, b))
    }

    fn all_know_all(&self) -> bool {
        self.each_knows(|_, b| self.detectors.contains_key(&b))
    }

    fn count(&self, what: impl Fn(&Output) -> bool) -> usize {
        self.log.iter().filter(|(_, _, output)| what(output)).count()
    }
}

fn is_dead(output: &Output) -> bool {
    matches!(output, Output::Dead(..))
}

fn is_suspect(output: &Output) -> bool {
    matches!(output, Output::Suspect(..))
}

#[test]
fn a_node_that_is_alone_does_nothing() {
    let net = Net::new(1, 0);
    assert_eq!(net.detectors[&NodeId(1)].deadline(), None);
    assert_eq!(net.sent, 0);
}

#[test]
fn nodes_find_each_other_even_where_the_first_calls_are_lost() {
    for nodes in [2, 3, 10, 100] {
        let mut net = Net::new(nodes, 1);
        net.loss_per_mille = 20;
        let took = net.until(10, Net::all_know_all);
        println!("{nodes} nodes, 2 % loss: joined after {took:?} tenths of a second");
        assert!(took.is_some());
    }
    let mut net = Net::new(3, 2);
    net.loss_per_mille = 1_000;
    net.run(60);
    net.loss_per_mille = 0;
    let took = net.until(5, Net::all_know_all);
    assert!(took.is_some(), "a node goes on calling until somebody answers");
}

#[test]
fn a_crash_is_known_to_all_within_six_seconds() {
    for (nodes, loss) in [(3, 0), (10, 0), (50, 0), (100, 0), (3, 20), (10, 20), (100, 20)] {
        let mut worst = 0;
        for seed in 0..3 {
            let mut net = Net::joined(nodes, seed);
            net.loss_per_mille = loss;
            net.detectors.remove(&NodeId(2));
            let took = net.until(12, Net::all_know_all).expect("a crash must be seen");
            worst = worst.max(took);
        }
        println!("{nodes} nodes, {loss} ‰ loss: crash known to all after {worst} tenths of a second");
        assert!(worst <= 60, "{nodes} nodes, {loss} ‰: {worst}");
    }
}

#[test]
fn a_restart_is_seen_as_the_end_of_one_life_and_the_beginning_of_the_next() {
    for nodes in [3, 100] {
        let mut net = Net::joined(nodes, 3);
        net.start(NodeId(2));
        let took = net.until(12, Net::all_know_all);
        println!("{nodes} nodes: restart known to all after {took:?} tenths of a second");
        assert!(took.is_some_and(|took| took <= 60));
        let others = usize::try_from(nodes - 1).expect("a count must fit");
        assert_eq!(net.count(|output| *output == Output::Dead(NodeId(2), Incarnation(1))), others);
        assert_eq!(net.count(|output| *output == Output::Alive(NodeId(2), Incarnation(2))), others);
    }
}

#[test]
fn both_sides_of_a_partition_drop_the_other_and_find_it_again() {
    for (nodes, loss) in [(3, 0), (10, 0), (100, 0), (100, 20)] {
        let (mut split, mut healed) = (0, 0);
        for seed in 0..2 {
            let mut net = Net::joined(nodes, seed);
            net.loss_per_mille = loss;
            let cut = (nodes * 3).div_ceil(10);
            net.cut_after = cut;
            let apart = |net: &Net| net.each_knows(|a, b| (a.0 <= cut) == (b.0 <= cut));
            split = split.max(net.until(60, apart).expect("a partition must be seen"));
            net.run(20);
            net.cut_after = 0;
            healed = healed.max(net.until(40, Net::all_know_all).expect("a partition must heal"));
        }
        println!(
            "{nodes} nodes, {loss} ‰ loss: split after {split}, healed after {healed} tenths of a second"
        );
        // With loss, a node may be wrongly given up, take a new identity and so miss news of others: it finds the rest
        // by its own probes, and a round of those takes half a second for each node.
        let split_max = if loss == 0 { 120 } else { 550 };
        assert!(split <= split_max && healed <= 120, "{nodes} nodes: split {split}, healed {healed}");
    }
}

#[test]
fn the_steady_load_does_not_grow_with_the_cluster() {
    for nodes in [3, 10, 100] {
        let mut net = Net::joined(nodes, 4);
        let (sent, bytes) = (net.sent, net.bytes);
        net.run(60);
        let per_node = |count: u64| count * 10 / 60 / nodes;
        let (messages, bytes) = (per_node(net.sent - sent), per_node(net.bytes - bytes));
        println!("{nodes} nodes: {messages} tenths of a message, {bytes} tenths of a byte a second and node");
        assert!(messages <= 50);
        assert!(net.log.is_empty());
    }
}

#[test]
fn nobody_is_held_for_dead_at_two_in_a_hundred_lost() {
    for (nodes, seed) in [(3, 5), (30, 5), (100, 5)] {
        let mut net = Net::joined(nodes, seed);
        net.loss_per_mille = 20;
        let sent = net.sent;
        net.run(300);
        let (dead, suspect) = (net.count(is_dead), net.count(is_suspect));
        let messages = (net.sent - sent) * 10 / 300 / nodes;
        println!(
            "{nodes} nodes, 300 s: {dead} deaths, {suspect} suspicions told, {messages} tenths of a message/s"
        );
        assert_eq!(dead, 0);
        assert!(messages <= 60);
    }
}

#[test]
fn a_reset_link_is_looked_into_and_a_living_node_not_suspected() {
    let mut net = Net::joined(10, 6);
    net.handle(NodeId(1), Input::LinkReset(NodeId(2)));
    net.run(5);
    assert!(net.log.is_empty(), "{:?}", net.log);
    net.detectors.remove(&NodeId(2));
    let began = net.now;
    let others: Vec<NodeId> = net.detectors.keys().copied().collect();
    others.iter().for_each(|node| net.handle(*node, Input::LinkReset(NodeId(2))));
    let took = net.until(12, Net::all_know_all).expect("a crash must be seen");
    let first = net.log.iter().find(|(_, _, output)| is_suspect(output)).map(|(at, _, _)| at.since(began));
    println!("suspected after {first:?}, known to all after {took} tenths of a second");
    assert!(first.is_some_and(|first| first.as_millis() <= 300));
    assert!(took <= 32);
}

#[test]
fn foreign_bytes_change_nothing() {
    let mut net = Net::joined(3, 7);
    let sample: Vec<Bytes> = {
        net.handle(NodeId(1), Input::LinkReset(NodeId(2)));
        net.flying.values().map(|(_, _, bytes)| bytes.clone()).collect()
    };
    net.run(2);
    let mut dice = Entropy::from_seed([9; 32]);
    for _ in 0..20_000 {
        let mut bytes = vec![0; usize::try_from(dice.below(40)).expect("a length must fit")];
        dice.fill(&mut bytes);
        if let Some(first) = bytes.first_mut() {
            *first = u8::from(dice.chance(9, 10));
        }
        net.handle(NodeId(1), Input::Bytes { from: NodeId(2), bytes: &bytes });
    }
    for bytes in &sample {
        // Well formed, from a node that says that it is another.
        net.handle(NodeId(1), Input::Bytes { from: NodeId(3), bytes });
        net.handle(NodeId(2), Input::Bytes { from: NodeId(3), bytes });
    }
    net.run(10);
    assert!(net.all_know_all());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut net = Net::joined(30, 8);
        net.loss_per_mille = 50;
        net.detectors.remove(&NodeId(3));
        net.cut_after = 9;
        net.run(20);
        net.cut_after = 0;
        net.start(NodeId(3));
        net.run(20);
        (net.sent, net.bytes, net.log)
    };
    let (first, second) = (run(), run());
    assert!(first.2.len() > 100);
    assert_eq!(first, second);
}

#[test]
fn news_is_passed_on_more_often_in_larger_clusters() {
    let times: Vec<u8> = [1, 10, 100, 1_000].into_iter().map(Config::transmissions).collect();
    assert_eq!(times, [9, 18, 31, 45]);
}
