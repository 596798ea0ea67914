//! The machine against a model that is too simple to be wrong, under random commands, repeats and jumps of time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Create(u8, bool, u16),
    Act(u8, bool, u8, u8),
    List(bool),
    Redeem(u8, u8),
    Wait(u16),
    /// Sends an earlier request once more.
    Repeat(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..10_u8, any::<bool>(), 0..400_u16).prop_map(|(id, ann, ttl)| Step::Create(id, ann, ttl)),
        8 => (0..10_u8, prop::bool::weighted(0.7), 0..8_u8, 0..5_u8).prop_map(|(i, a, w, k)| Step::Act(i, a, w, k)),
        1 => any::<bool>().prop_map(Step::List),
        1 => (0..6_u8, 0..80_u8).prop_map(|(id, ttl)| Step::Redeem(id, ttl)),
        2 => (0..60_u16).prop_map(Step::Wait),
        3 => any::<usize>().prop_map(Step::Repeat),
    ]
}

fn who(ann: bool) -> Principal {
    if ann { ANN } else { BOB }
}

fn command(step: &Step) -> Option<Command> {
    Some(match *step {
        Step::Create(id, ann, ttl) => create(u128::from(id), who(ann), (ttl > 0).then(|| u64::from(ttl))),
        Step::Act(id, ann, what, key) => {
            let key = format!("k{key}");
            let action = match what {
                0 => Action::Get,
                1 | 2 => ask(&key),
                3 | 4 => answer(&[&key, "k0"]),
                5 => Action::SetMessage(key.as_str().into()),
                6 => complete(&format!("{key:?}")),
                _ if key.as_str() < "k3" => Action::Cancel,
                _ => fail(&format!("{key:?}")),
            };
            on(u128::from(id), who(ann), action)
        }
        Step::List(ann) => Command::List { principal: who(ann), after: None, limit: 2 },
        Step::Redeem(id, ttl) => Command::Redeem { id: RedemptionId(u128::from(id)), ttl_ms: u64::from(ttl) },
        Step::Wait(_) | Step::Repeat(_) => return None,
    })
}

/// What the model knows of a task.
struct Known {
    principal: Principal,
    expires: u64,
    /// How it ended, once it has.
    ended: Option<Arc<Task>>,
    version: u64,
    keys: Vec<String>,
}

#[derive(Default)]
struct Model {
    tasks: BTreeMap<u128, Known>,
    /// By right: until when it is used.
    redeemed: BTreeMap<u128, u64>,
    created: usize,
    expired: usize,
}

impl Model {
    fn advance(&mut self, now: u64) {
        let before = self.tasks.len();
        self.tasks.retain(|_, task| task.expires > now);
        self.expired += before - self.tasks.len();
        self.redeemed.retain(|_, until| *until > now);
    }

    /// Judges the first reply to a command, and learns from it.
    fn learn(&mut self, now: u64, command: &Command, reply: &Reply, tasks: &Tasks) {
        match command {
            Command::Create(create) => self.learn_create(now, create, reply),
            Command::On { id, principal, action } => {
                let Some(known) = self.tasks.get_mut(&id.0).filter(|known| known.principal == *principal)
                else {
                    assert!(matches!(reply, Reply::Refused(Refusal::NotFound | Refusal::Full)), "{reply:?}");
                    return;
                };
                known.learn(action, reply, tasks.get(*principal, *id).expect("a known task must be found"));
            }
            Command::Redeem { id, ttl_ms } => {
                let first = !self.redeemed.contains_key(&id.0);
                match reply {
                    Reply::Redeemed { first: said } => assert_eq!(*said, first),
                    other => assert_eq!(*other, Reply::Refused(Refusal::Full)),
                }
                if *reply == (Reply::Redeemed { first: true }) {
                    self.redeemed.insert(id.0, now + (*ttl_ms).clamp(1, 50));
                }
            }
            Command::List { .. } | Command::Expire => {}
        }
    }

    fn learn_create(&mut self, now: u64, create: &Create, reply: &Reply) {
        let Reply::Done(summary) = reply else {
            assert!(
                matches!(reply, Reply::Refused(Refusal::Exists | Refusal::TooManyTasks | Refusal::Full)),
                "{reply:?}"
            );
            return;
        };
        self.created += 1;
        let task = Known {
            principal: create.principal,
            expires: now + summary.ttl_ms,
            ended: None,
            version: summary.version,
            keys: vec![],
        };
        assert!(self.tasks.insert(create.id.0, task).is_none(), "an id must not be given twice");
    }

    /// Judges all that can be seen.
    fn check(&mut self, tasks: &Tasks) {
        tasks.assert_whole();
        assert_eq!(tasks.len(), self.created - self.expired, "tasks must neither come nor go by themselves");
        for principal in [ANN, BOB] {
            let mut listed = Vec::new();
            let mut after = None;
            loop {
                let page = tasks.list(principal, after, 2);
                listed.extend(page.tasks.iter().map(|task| task.id.0));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            listed.sort_unstable();
            let owned =
                self.tasks.iter().filter(|(_, known)| known.principal == principal).map(|(id, _)| *id);
            assert_eq!(listed, owned.collect::<Vec<_>>(), "a list must hold all and nothing else");
        }
        for (id, known) in &mut self.tasks {
            let stranger = if known.principal == ANN { BOB } else { ANN };
            assert!(tasks.get(stranger, TaskId(*id)).is_none(), "nobody must see another's task");
            let task = tasks.get(known.principal, TaskId(*id)).expect("a known task must be found");
            assert!(task.stamp().version >= known.version, "versions must rise");
            known.version = task.stamp().version;
            if let Some(ended) = &known.ended {
                assert_eq!(**ended, *task, "a terminal state must never change");
            } else if task.status().is_terminal() {
                known.ended = Some(task);
            }
        }
    }
}

impl Known {
    fn learn(&mut self, action: &Action, reply: &Reply, task: Arc<Task>) {
        if let (Action::Ask { key, .. }, Reply::Done(summary)) = (action, reply) {
            assert!(!self.keys.contains(&key.to_string()), "a key must not be used twice");
            assert_eq!(summary.status, Status::InputRequired);
            self.keys.push(key.to_string());
        }
        if let (Some(_), Reply::Done(summary)) = (&self.ended, reply) {
            panic!("what has ended must refuse: {summary:?}");
        }
        if matches!(action, Action::Cancel | Action::Complete { .. } | Action::Fail { .. })
            && matches!(reply, Reply::Done(_))
        {
            assert!(task.status().is_terminal(), "an end must come before its answer");
        }
    }
}

/// Whether a command changed something, by its reply.
fn has_changed(reply: &Reply) -> bool {
    match reply {
        Reply::Done(_) => true,
        Reply::Answered { accepted, .. } => *accepted > 0,
        Reply::Redeemed { first } => *first,
        Reply::Task(_) | Reply::Page(_) | Reply::Expired { .. } | Reply::Refused(_) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_history_breaks_a_promise(steps in prop::collection::vec(step(), 1..160), roomy: bool) {
        let bounds = Bounds { requests_max: if roomy { 200 } else { 12 }, ..small() };
        let mut tasks = Tasks::new(bounds.clone());
        let mut twin = Tasks::new(bounds);
        let mut model = Model::default();
        let mut sent: Vec<(RequestId, Command, Reply, u64)> = Vec::new();
        let mut now = 1_000;
        for (number, step) in steps.iter().enumerate() {
            if let Step::Wait(ms) = step {
                now += u64::from(*ms);
                // Nothing has to happen for what is past its time to be gone at the next command.
                continue;
            }
            if let Step::Repeat(which) = step {
                if sent.is_empty() {
                    continue;
                }
                let (request, command, first, remembered_until) = sent[which % sent.len()].clone();
                // Where memory is short, a reply that changed nothing may be forgotten, and a repeat is then a new try.
                if remembered_until <= now || first == Reply::Refused(Refusal::Full) || !(roomy || has_changed(&first)) {
                    continue;
                }
                model.advance(now);
                let reply = tasks.apply(at(now), request, command.clone());
                prop_assert_eq!(&twin.apply(at(now), request, command), &reply);
                let changed = std::iter::from_fn(|| tasks.poll_change()).any(|change| change.stamp.is_some());
                prop_assert!(!changed, "a repeat must change nothing");
                prop_assert_eq!(reply, first);
                model.check(&tasks);
                continue;
            }
            let Some(command) = command(step) else { continue };
            let request = RequestId(number as u128);
            model.advance(now);
            let reply = tasks.apply(at(now), request, command.clone());
            prop_assert_eq!(&twin.apply(at(now), request, command.clone()), &reply, "replicas must agree");
            while tasks.poll_change().is_some() {}
            model.learn(now, &command, &reply, &tasks);
            model.check(&tasks);
            if matches!(command, Command::Create(_) | Command::Redeem { .. })
                || matches!(&command, Command::On { action, .. } if *action != Action::Get)
            {
                sent.push((request, command, reply, now + 100));
            }
        }
    }
}
