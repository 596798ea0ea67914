//! What the protocol asks of tasks, one sentence at a time.

use super::*;

/// A machine that draws request ids by itself.
struct Bench {
    tasks: Tasks,
    now: u64,
    requests: u128,
}

impl Bench {
    fn new() -> Self {
        Self::with(Bounds { requests_max: 1_000, ..small() })
    }

    fn with(bounds: Bounds) -> Self {
        Self { tasks: Tasks::new(bounds), now: 1_000, requests: 1_000 }
    }

    fn apply(&mut self, command: Command) -> Reply {
        self.requests += 1;
        self.repeat(self.requests, command)
    }

    fn repeat(&mut self, request: u128, command: Command) -> Reply {
        let reply = self.tasks.apply(at(self.now), RequestId(request), command);
        self.tasks.assert_whole();
        reply
    }

    fn done(&mut self, command: Command) -> Summary {
        match self.apply(command) {
            Reply::Done(summary) | Reply::Answered { summary, .. } => summary,
            other => panic!("must be done: {other:?}"),
        }
    }

    fn get(&self, id: u128) -> Arc<Task> {
        self.tasks.get(ANN, TaskId(id)).expect("the task must be there")
    }

    fn changes(&mut self) -> Vec<(u128, Option<Status>)> {
        std::iter::from_fn(|| self.tasks.poll_change()).map(|c| (c.id.0, c.stamp.map(|s| s.status))).collect()
    }
}

const NOT_FOUND: Reply = Reply::Refused(Refusal::NotFound);

#[test]
fn a_task_is_there_as_soon_as_its_creation_is_answered() {
    let mut bench = Bench::new();
    let made = bench.done(create(7, ANN, Some(300)));
    assert_eq!(
        (made.status, made.ttl_ms, made.version, &*made.sealed),
        (Status::Working, 300, 1, "sealed-7")
    );
    assert_eq!((made.created, made.updated, made.poll_interval_ms), (at(1_000), at(1_000), Some(500)));
    let Reply::Task(task) = bench.apply(on(7, ANN, Action::Get)) else { panic!("must be found") };
    assert_eq!((task.summary(), &*task.call().tool, task.result()), (made, "slow", None));
}

#[test]
fn a_life_is_never_shorter_or_longer_than_the_bounds_and_for_ever_is_the_longest() {
    let mut bench = Bench::new();
    for (id, asked, got) in
        [(1, Some(0), 10), (2, Some(500), 500), (3, Some(u64::MAX), 1_000), (4, None, 1_000)]
    {
        assert_eq!(bench.done(create(id, ANN, asked)).ttl_ms, got);
    }
    bench.now += 9;
    assert_eq!(bench.apply(Command::Expire), Reply::Expired { more: false });
    assert_eq!(bench.tasks.len(), 4, "a task must not go before its time");
    bench.now += 1;
    bench.apply(Command::Expire);
    assert_eq!((bench.tasks.len(), bench.changes().last()), (3, Some(&(1, None))));
    assert_eq!(bench.tasks.next_due(), Some(at(1_100)), "then the replies are forgotten");
    bench.now += 10_000;
    bench.apply(Command::Expire);
    assert_eq!((bench.tasks.len(), bench.tasks.next_due()), (0, None));
}

#[test]
fn a_task_needs_input_until_each_question_has_its_answer() {
    let mut bench = Bench::new();
    bench.apply(create(1, ANN, None));
    assert_eq!(bench.done(on(1, ANN, ask("name"))).status, Status::InputRequired);
    bench.apply(on(1, ANN, ask("age")));
    assert_eq!(bench.done(on(1, ANN, answer(&["name", "shoe size"]))).status, Status::InputRequired);
    assert_eq!(bench.get(1).open_inputs().map(|(key, _)| key.to_owned()).collect::<Vec<_>>(), ["age"]);
    assert!(bench.get(1).response("name").is_some() && bench.get(1).response("age").is_none());
    let again = bench.apply(on(1, ANN, answer(&["name"])));
    assert!(matches!(again, Reply::Answered { accepted: 0, .. }), "an answered key is passed over");
    assert_eq!(bench.done(on(1, ANN, answer(&["age"]))).status, Status::Working);
    assert_eq!(bench.done(on(1, ANN, complete("{}"))).status, Status::Completed);
    let late = bench.apply(on(1, ANN, answer(&["age"])));
    assert!(matches!(late, Reply::Answered { accepted: 0, summary } if summary.status == Status::Completed));
    let told: Vec<_> = bench.changes().into_iter().map(|(_, status)| status.unwrap().as_str()).collect();
    assert_eq!(
        told,
        ["working", "input_required", "input_required", "input_required", "working", "completed"]
    );
}

#[test]
fn a_key_is_used_once_in_the_life_of_a_task() {
    let mut bench = Bench::new();
    bench.apply(create(1, ANN, None));
    bench.apply(on(1, ANN, ask("k")));
    assert_eq!(bench.apply(on(1, ANN, ask("k"))), Reply::Refused(Refusal::KeyUsed));
    bench.apply(on(1, ANN, answer(&["k"])));
    assert_eq!(bench.apply(on(1, ANN, ask("k"))), Reply::Refused(Refusal::KeyUsed));
    bench.apply(on(1, ANN, ask("l")));
    bench.apply(on(1, ANN, ask("m")));
    assert_eq!(bench.apply(on(1, ANN, ask("n"))), Reply::Refused(Refusal::TooManyInputs));
}

#[test]
fn what_has_ended_stays_as_it_ended() {
    for end in [complete(r#"{"content":[]}"#), fail(r#"{"code":-32603}"#), Action::Cancel] {
        let mut bench = Bench::new();
        bench.apply(create(1, ANN, None));
        bench.apply(on(1, ANN, ask("k")));
        let ended = bench.done(on(1, ANN, end));
        assert!(ended.status.is_terminal(), "the answer must already say so");
        let before = bench.get(1);
        assert_eq!(before.inputs(), [], "who has ended asks nothing");
        for later in [complete("1"), fail("{}"), Action::Cancel, ask("l"), Action::SetMessage("x".into())] {
            assert_eq!(bench.apply(on(1, ANN, later)), Reply::Refused(Refusal::Ended(ended.clone())));
        }
        assert_eq!(*bench.get(1), *before);
    }
}

#[test]
fn a_result_and_an_error_come_back_as_they_were_given() {
    let mut bench = Bench::new();
    bench.apply(create(1, ANN, None));
    bench.apply(create(2, ANN, None));
    let result = Action::Complete { result: raw(r#"{ "isError" : true }"#), is_error: true, message: None };
    assert!(bench.done(on(1, ANN, result)).is_error);
    assert_eq!(bench.get(1).result().map(Raw::as_str), Some(r#"{ "isError" : true }"#));
    assert_eq!(bench.done(on(2, ANN, fail(r#"{"code":1}"#))).message.as_deref(), Some("it broke"));
    assert_eq!(bench.get(2).error().map(Raw::as_str), Some(r#"{"code":1}"#));
    assert_eq!(
        Refusal::Ended(bench.get(1).summary()).to_string(),
        "already in terminal status 'completed'",
        "the words of the 2025-11-25 example"
    );
}

#[test]
fn a_task_of_another_principal_looks_like_one_that_was_never_made() {
    let mut bench = Bench::new();
    bench.apply(create(1, ANN, None));
    let before = bench.get(1);
    for action in
        [Action::Get, Action::Cancel, answer(&["k"]), ask("k"), complete("1"), Action::SetMessage("m".into())]
    {
        assert_eq!(bench.apply(on(1, BOB, action.clone())), NOT_FOUND);
        assert_eq!(bench.apply(on(99, BOB, action)), NOT_FOUND);
    }
    let page = bench.apply(Command::List { principal: BOB, after: None, limit: 10 });
    assert_eq!(page, Reply::Page(Page { tasks: vec![], next: None }));
    assert_eq!(*bench.get(1), *before);
}

#[test]
fn the_same_request_again_gives_the_same_reply_and_changes_nothing() {
    let mut bench = Bench::new();
    let commands = [
        create(1, ANN, None),
        on(1, ANN, ask("k")),
        on(1, ANN, answer(&["k"])),
        on(1, ANN, Action::SetMessage("half way".into())),
        Command::Redeem { id: RedemptionId(5), ttl_ms: 50 },
        Command::Redeem { id: RedemptionId(5), ttl_ms: 50 },
        on(1, ANN, Action::Cancel),
        on(1, ANN, complete("1")),
        on(2, ANN, Action::Cancel),
    ];
    let mut replies = Vec::new();
    for (request, command) in commands.iter().enumerate() {
        bench.now += 1;
        replies.push(bench.repeat(100 + request as u128, command.clone()));
    }
    bench.changes();
    let before = bench.get(1);
    for (request, command) in commands.iter().enumerate().rev() {
        bench.now += 1;
        assert_eq!(bench.repeat(100 + request as u128, command.clone()), replies[request]);
    }
    assert_eq!((*bench.get(1)).clone(), (*before).clone());
    assert_eq!(bench.changes(), []);
}

#[test]
fn a_right_is_redeemed_by_the_first_request_alone_and_remembered_for_its_time() {
    let mut bench = Bench::new();
    let redeem = |id| Command::Redeem { id: RedemptionId(id), ttl_ms: 1_000_000 };
    assert_eq!(bench.repeat(1, redeem(5)), Reply::Redeemed { first: true });
    assert_eq!(bench.repeat(2, redeem(5)), Reply::Redeemed { first: false });
    assert_eq!(
        bench.repeat(1, redeem(5)),
        Reply::Redeemed { first: true },
        "its own repeat is still the first"
    );
    bench.apply(redeem(6));
    bench.apply(redeem(7));
    assert_eq!(
        bench.apply(redeem(8)),
        Reply::Refused(Refusal::Full),
        "no right is forgotten for want of room"
    );
    bench.now += 49;
    assert_eq!(bench.apply(redeem(5)), Reply::Redeemed { first: false });
    bench.now += 1;
    assert_eq!(bench.apply(redeem(8)), Reply::Redeemed { first: true });
}

#[test]
fn a_list_is_in_the_order_of_creation_and_its_parts_make_up_the_whole() {
    let mut bench = Bench::new();
    for id in [40, 10, 30, 20] {
        bench.apply(create(id, ANN, Some(if id == 10 { 100 } else { 500 })));
    }
    bench.apply(create(5, BOB, None));
    let part = |bench: &mut Bench, after| {
        let Reply::Page(page) = bench.apply(Command::List { principal: ANN, after, limit: 99 }) else {
            panic!("must be a page")
        };
        (page.tasks.iter().map(|task| task.id.0).collect::<Vec<_>>(), page.next)
    };
    let (first, next) = part(&mut bench, None);
    assert_eq!((first, next.is_some()), (vec![40, 10], true));
    assert_eq!(part(&mut bench, next), (vec![30, 20], None));
    // The task that the cursor stands on may go meanwhile.
    bench.now += 100;
    assert_eq!(part(&mut bench, next), (vec![30, 20], None));
    assert_eq!(part(&mut bench, Some(Position(u64::MAX))), (vec![], None));
}

#[test]
fn each_bound_refuses_what_would_pass_it_and_changes_nothing() {
    let mut bench = Bench::new();
    for id in 1..=4 {
        bench.apply(create(id, ANN, None));
    }
    assert_eq!(bench.apply(create(4, ANN, None)), Reply::Refused(Refusal::Exists));
    assert_eq!(bench.apply(create(5, ANN, None)), Reply::Refused(Refusal::TooManyTasks));
    bench.apply(create(5, BOB, None));
    bench.apply(create(6, BOB, None));
    assert_eq!(bench.apply(create(7, BOB, None)), Reply::Refused(Refusal::Full));
    let long = "x".repeat(600);
    let before = bench.get(1);
    for action in [
        complete(&format!("{long:?}")),
        fail(&format!("{long:?}")),
        Action::SetMessage(long.as_str().into()),
        Action::Ask { key: "k".into(), request: raw(&format!("{long:?}")) },
    ] {
        assert_eq!(bench.apply(on(1, ANN, action)), Reply::Refused(Refusal::TooLarge));
    }
    assert_eq!(*bench.get(1), *before);
    let mut large = create(8, BOB, None);
    if let Command::Create(create) = &mut large {
        create.sealed = long.into();
    }
    let mut bench = Bench::new();
    assert_eq!(bench.apply(large), Reply::Refused(Refusal::TooLarge));
}

#[test]
fn memory_of_requests_gives_way_only_where_nothing_was_changed() {
    let mut bench = Bench::with(Bounds { requests_max: 4, ..small() });
    bench.repeat(1, create(1, ANN, None));
    bench.repeat(2, on(1, ANN, ask("k")));
    // A client that cancels what is not there fills nothing that others need.
    for request in 100..200 {
        assert_eq!(bench.repeat(request, on(9, BOB, Action::Cancel)), NOT_FOUND);
    }
    bench.repeat(3, on(1, ANN, answer(&["k"])));
    bench.repeat(4, on(1, ANN, Action::Cancel));
    assert!(matches!(bench.repeat(1, create(1, ANN, None)), Reply::Done(_)));
    assert_eq!(bench.repeat(5, create(2, ANN, None)), Reply::Refused(Refusal::Full));
    assert!(matches!(bench.apply(on(1, ANN, Action::Get)), Reply::Task(_)), "reading needs no memory");
    bench.now += 100;
    assert!(matches!(bench.repeat(5, create(2, ANN, None)), Reply::Done(_)));
}

#[test]
fn what_is_overdue_goes_in_steps_and_is_gone_in_the_end() {
    let many = Bounds { tasks_max: 1_000, principal_tasks_max: 1_000, requests_max: 1_000, ..small() };
    let mut bench = Bench::with(many);
    for id in 0..600 {
        assert!(matches!(bench.apply(create(id, ANN, None)), Reply::Done(_)));
    }
    bench.now += 1_000;
    let steps: Vec<_> = (0..3).map(|_| (bench.apply(Command::Expire), bench.tasks.len())).collect();
    let more = |more| Reply::Expired { more };
    assert_eq!(steps, [(more(true), 344), (more(true), 88), (more(false), 0)]);
    assert_eq!(bench.changes().iter().filter(|(_, status)| status.is_none()).count(), 600);
}

#[test]
fn time_never_goes_back_even_where_a_command_says_so() {
    let mut bench = Bench::new();
    bench.apply(create(1, ANN, Some(100)));
    bench.now = 5;
    let second = bench.done(create(2, ANN, Some(100)));
    assert_eq!(second.created, at(1_000));
    assert_eq!(bench.done(on(1, ANN, Action::Cancel)).updated, at(1_000));
}

/// `cargo test --release -p switchboard task -- --ignored --nocapture`
#[test]
#[ignore = "measures: needs a release build and a quiet machine"]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the real clock")]
fn what_a_task_costs_among_a_hundred_thousand() {
    const TASKS: u64 = 100_000;
    let mut tasks = Tasks::new(Bounds { requests_max: 1_000_000, ..Bounds::default() });
    let mut request = 0;
    let mut time = |name: &str, tasks: &mut Tasks, command: &dyn Fn(u128, Principal) -> Command| {
        let begun = std::time::Instant::now();
        for n in 0..TASKS {
            request += 1;
            let id = u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(n);
            let reply =
                tasks.apply(at(1_000 + n / 100), RequestId(request), command(id, Principal(n % 1_000)));
            assert!(!matches!(reply, Reply::Refused(_)), "{reply:?}");
            while tasks.poll_change().is_some() {}
        }
        println!("{name}: {:?} each", begun.elapsed() / u32::try_from(TASKS).unwrap());
    };
    time("create", &mut tasks, &|id, who| create(id, who, None));
    time("get", &mut tasks, &|id, who| on(id, who, Action::Get));
    time("ask", &mut tasks, &|id, who| on(id, who, ask("k")));
    time("answer", &mut tasks, &|id, who| on(id, who, answer(&["k"])));
    time("complete", &mut tasks, &|id, who| on(id, who, complete("{}")));
    let mut steps = Vec::new();
    let mut more = true;
    while more {
        let step = std::time::Instant::now();
        more = tasks.apply(at(u64::MAX), RequestId(0), Command::Expire) == Reply::Expired { more: true };
        steps.push(step.elapsed());
        while tasks.poll_change().is_some() {}
    }
    steps.sort_unstable();
    let (half, most) = (steps[steps.len() / 2], steps[steps.len() * 9 / 10]);
    println!("expire all {TASKS} and 400,000 replies in {} steps: p50 {half:?}, p90 {most:?}", steps.len());
    assert!(tasks.is_empty());
}
