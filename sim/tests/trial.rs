//! Trials of tools that are not ours: what their checks are told, and what a test says when one fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use switchboard::env::Panicked;
use switchboard::handler::{Catalogue, Ctx, Failure, Json, Server, Tool};
use switchboard::protocol::{ElicitAction, Field, Form};
use switchboard_sim::NodeId;
use switchboard_sim::client::Era;
use switchboard_sim::scenario::{Case, End};
use switchboard_sim::trial::{Caller, Place, Trail, Trial, crash};

fn catalogue(tool: Tool) -> Catalogue {
    Server::new("trial", "1.0.0").tool(tool).build().expect("the schema must be valid")
}

/// A tool that counts its calls in memory, notes how many there were, and takes a while to say it.
fn counter(place: Place) -> Catalogue {
    let count = Arc::new(AtomicU64::new(0));
    let work = move |ctx: Ctx| {
        let (place, count) = (place.clone(), Arc::clone(&count));
        async move {
            let count = count.fetch_add(1, Ordering::Relaxed) + 1;
            place.note(&count);
            ctx.sleep_ms(100).await;
            Ok::<_, Failure>(Json(json!({ "count": count })))
        }
    };
    catalogue(Tool::without_arguments("count", work))
}

async fn count(mut client: Caller) {
    loop {
        client.call("count", &json!({})).await;
        client.sleep_ms(50).await;
    }
}

/// One node that counts for two clients.
fn counting() -> Trial {
    let trial = Trial::new("counting", counter).nodes(1).seconds(4);
    trial.clients(Era::Stateless, 1, count).clients(Era::Stateful, 1, count)
}

fn at_most_five(trail: &Trail) -> Result<(), String> {
    match trail.answered().count() {
        0..=5 => Ok(()),
        more => Err(format!("{more} calls; more than five")),
    }
}

#[test]
fn a_check_is_told_of_by_the_moment_and_the_client_that_first_broke_it() {
    let report = counting().always("at most five", at_most_five).run(0);
    let End::Safety(violation) = &report.end else { panic!("{report}") };
    assert_eq!(violation.what, "6 calls; more than five");
    let last = report.led_to_it.last().expect("something must have led to it");
    let client = violation.client.expect("a client must have broken it");
    let told = format!("{:>6} ms  {client:?} is told by n0: ok", violation.at / 1_000_000);
    assert!(last.starts_with(&told), "{last}");
}

#[test]
fn a_check_that_panics_is_a_check_that_fails() {
    let never = |trail: &Trail| {
        assert!(trail.calls.is_empty(), "somebody called");
        Ok(())
    };
    let report = counting().in_the_end("nobody calls", never).run(0);
    assert!(
        matches!(&report.end, End::Liveness(violation) if violation.what == "somebody called"),
        "{report}"
    );
}

#[test]
fn a_test_that_fails_names_the_seed_the_check_and_the_command_that_replays_it() {
    let trial = counting().always("at most five", at_most_five);
    let text = Panicked::catch(|| trial.for_seeds(3..9)).expect_err("it must fail").0;
    assert!(text.contains("counting seed 3: safety"), "{text}");
    assert!(text.contains("`at most five` was broken"), "{text}");
    let command = "SWITCHBOARD_SEED=3 cargo test a_test_that_fails_names_the_seed_the_check_and_the_command_that_replays_it";
    assert!(text.contains(command), "{text}");
}

#[test]
fn what_was_made_smaller_fails_again_as_a_case() {
    let trial = counting().faults(crash).always("at most five", at_most_five);
    let smaller = trial.explain(0).expect_err("it must fail");
    let case = Case::read(&smaller.case.write()).expect("a case must read back");
    assert!(case.setup.faults.steps.is_empty(), "it takes no crash: {smaller}");
    assert_eq!(case.setup.clients(), 1, "{smaller}");
    assert_eq!(trial.run_case(&case).finding(), case.finding);
}

#[test]
fn what_a_node_kept_in_memory_is_lost_in_a_crash_and_so_may_be_whether_a_call_was_done() {
    let never_back = |trail: &Trail| {
        let counts: Vec<u64> = trail.notes.iter().filter_map(|note| note.what.as_u64()).collect();
        if counts.is_sorted() { Ok(()) } else { Err("it went back".to_owned()) }
    };
    let all_known =
        |trail: &Trail| match trail.calls.iter().find(|call| call.is_unknown() && call.at_ms < 3_900) {
            None => Ok(()),
            Some(call) => Err(format!("nobody knows of {call:?}")),
        };
    let trial = counting().always("never back", never_back).in_the_end("all known", all_known);
    trial.for_seeds(0..3);
    let broken = trial.faults(crash).run(0);
    let checks: Vec<&str> = broken.violations.iter().map(|violation| violation.check).collect();
    assert_eq!(checks, ["never back", "all known"], "{broken}");
}

#[test]
fn clients_of_both_eras_answer_what_a_tool_asks() {
    let ask = |ctx: Ctx| async move {
        let form = Form::default().required("name", Field::text());
        let answer = ctx.elicit("name", "What is your name?", form).await?;
        match answer.action {
            ElicitAction::Accept => Ok(answer.field::<String>("name").unwrap_or_default()),
            _ => Err(Failure::tool("nobody says")),
        }
    };
    let answers = |mut client: Caller| async move {
        let name = format!("number {}", client.id().0);
        client.answer_with(&json!({ "action": "accept", "content": { "name": name } }));
        let answer = client.call("ask", &json!({})).await;
        client.note(&json!([name, answer.text()]));
    };
    let both_said = |trail: &Trail| {
        let said: Vec<&Value> = trail.notes.iter().map(|note| &note.what).collect();
        match said[..] {
            [one, other] if one[0] == one[1] && other[0] == other[1] => Ok(()),
            _ => Err(format!("{said:?}")),
        }
    };
    let trial = Trial::new("asking", move |_| catalogue(Tool::without_arguments("ask", ask))).nodes(1);
    let trial = trial.seconds(4).clients(Era::Stateless, 1, answers).clients(Era::Stateful, 1, answers);
    trial.in_the_end("both said who they are", both_said).for_seeds(0..2);
}

#[test]
fn a_client_turns_to_the_node_that_its_script_says() {
    let who = |place: Place| {
        let node = place.node.0;
        catalogue(Tool::without_arguments("who", move |_| async move { Ok(Json(json!({ "node": node }))) }))
    };
    let tours = |mut client: Caller| async move {
        for node in [2, 0, 1, 1, 0].map(NodeId) {
            client.turn_to(node);
            let answer = client.call("who", &json!({})).await;
            let told = answer.value::<Value>().and_then(|value| value["node"].as_u64());
            assert_eq!((answer.node, told), (node, Some(node.0.into())), "{answer}");
        }
    };
    Trial::new("touring", who).seconds(2).clients(Era::Stateless, 2, tours).for_seeds(0..2);
}
