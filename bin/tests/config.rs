//! The configuration file: what it means, and what is said about one that is wrong.

mod authority;

use std::fs::Permissions;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use authority::{Authority, Issued, file, section};
use switchboard::limits::Limits;
use switchboard::probe::Flaw;
use switchboard_bin::config::{ClusterOverrides, EXAMPLE, LogFormat, Overrides, Place, Problems, Settings};

fn variables(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("0123456789abcdef-from-outside".to_owned()),
        "PORT" => Some("8123".to_owned()),
        "EMPTY" => Some(String::new()),
        "CLUSTER" => Some("0123456789abcdef".repeat(4)),
        "SECRET" => Some("hunter2".to_owned()),
        _ => None,
    }
}

fn read(text: &str) -> Result<Settings, Problems> {
    Settings::from_text("switchboard.toml", text, &variables, &Overrides::default())
}

fn problems(text: &str) -> String {
    read(text).expect_err("the file must be refused").to_string()
}

fn snapshot(name: &str, text: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots");
    insta::with_settings!({ snapshot_path => folder, prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

/// The example file with every setting taken out of its comment.
fn example_in_force() -> String {
    let is_setting = |line: &str| {
        line.starts_with('[')
            || line
                .split_once(" = ")
                .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    };
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if is_setting(rest) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_empty_file_and_the_example_mean_the_defaults() {
    assert_eq!(read(""), Ok(Settings::default()));
    assert_eq!(read(EXAMPLE), Ok(Settings::default()));
}

#[test]
fn the_example_names_every_limit_with_its_default() {
    let authority = Authority::new("authority");
    let issued = authority.issue("node-1");
    let text = example_in_force()
        .replace("ALICE_TOKEN", "TOKEN")
        .replace("/etc/switchboard/ca.pem", &file(&authority.pem(), 0o644).display().to_string())
        .replace("/etc/switchboard/node.pem", &file(&issued.certificate, 0o644).display().to_string())
        .replace("/etc/switchboard/node.key", &file(&issued.key, 0o600).display().to_string())
        .replace("secret_file = \"/etc/switchboard/secret\"", "secret = \"${CLUSTER}\"");
    let settings = read(&text).expect("the example must be right");
    assert_eq!(settings.node.limits, Limits::DEFAULT);
    let defaults = format!("{:?}", Limits::DEFAULT);
    let fields = defaults.trim_start_matches("Limits { ").trim_end_matches(" }").split(", ");
    for field in fields {
        let line = field.replace(": ", " = ");
        assert!(text.lines().any(|text| text == line), "the example lacks {line}");
    }
}

#[test]
fn every_setting_reaches_the_node() {
    let settings = read(
        r#"
        workers = 3
        state_dir = "/var/lib/${EMPTY:-switchboard}"
        open_to_the_network = true
        [http]
        listen = "0.0.0.0:${PORT}"
        path = "/rpc"
        sse = false
        hosts = ["mcp.example.com"]
        origins = ["https://app.example.com"]
        [tcp]
        listen = "localhost:9000"
        [admin]
        listen = "off"
        [[tokens]]
        principal = "alice"
        secret = "${TOKEN}"
        [log]
        level = "warn,switchboard=debug"
        format = "json"
        [limits]
        connections_max = "${CONNECTIONS:-77}"
        drain_ms_max = 5_000
        "#,
    );
    let settings = settings.expect("the file must be right");
    let http = settings.node.http.expect("HTTP is on");
    assert_eq!(
        (http.listen.to_string().as_str(), http.path.as_str(), http.sse),
        ("0.0.0.0:8123", "/rpc", false)
    );
    assert_eq!(
        (http.hosts, http.origins),
        (vec!["mcp.example.com".into()], vec!["https://app.example.com".into()])
    );
    assert_eq!(settings.node.tcp.map(|address| address.to_string()).as_deref(), Some("127.0.0.1:9000"));
    assert_eq!(settings.node.admin, None);
    assert_eq!(settings.node.tokens[0].secret, "0123456789abcdef-from-outside");
    assert_eq!(settings.node.state_dir.as_deref(), Some(Path::new("/var/lib/switchboard")));
    assert!(settings.node.open_to_the_network);
    let expect = Limits { connections_max: 77, drain_ms_max: 5_000, ..Limits::DEFAULT };
    assert_eq!(settings.node.limits, expect);
    assert_eq!((settings.workers, settings.log_format), (NonZeroUsize::new(3), LogFormat::Json));
    assert_eq!(settings.log_level, "warn,switchboard=debug");
}

#[test]
fn no_file_plants_a_bug_in_a_node() {
    for flaw in Flaw::ALL {
        let told = problems(&format!("[cluster]\nsecret = \"${{CLUSTER}}\"\nflaw = \"{}\"", flaw.name()));
        assert!(told.contains("unknown key `cluster.flaw`"), "{told}");
    }
}

#[test]
fn the_command_line_counts_more_than_the_file() {
    let overrides = Overrides {
        listen: Some("[::1]:1".parse().ok()),
        admin: Some(None),
        log_level: Some("off".to_owned()),
        workers: NonZeroUsize::new(1),
        ..Overrides::default()
    };
    let text =
        "workers = 9\n[http]\nlisten = \"127.0.0.1:2\"\npath = \"/kept\"\n[admin]\nlisten = \"127.0.0.1:3\"";
    let settings = Settings::from_text("file", text, &variables, &overrides).expect("all of it is right");
    let http = settings.node.http.expect("HTTP is on");
    assert_eq!((http.listen.to_string().as_str(), http.path.as_str()), ("[::1]:1", "/kept"));
    assert_eq!((settings.node.admin, settings.workers), (None, NonZeroUsize::new(1)));
    assert_eq!(settings.log_level, "off");

    let open = Overrides { listen: Some("0.0.0.0:1".parse().ok()), ..Overrides::default() };
    let refused = Settings::without_file(&open).expect_err("the network could reach it");
    assert!(refused.list.iter().all(|problem| problem.place == Place::Flag("--listen")), "{refused}");
}

#[test]
fn every_wrong_setting_is_told_at_once_with_its_place() {
    let text = include_str!("config/wrong_values.toml");
    snapshot("config_wrong_values", &problems(text));
}

#[test]
fn rules_between_settings_point_at_the_setting_that_breaks_them() {
    let text = include_str!("config/wrong_relations.toml");
    snapshot("config_wrong_relations", &problems(text));
}

#[test]
fn what_is_no_toml_is_told_with_the_rest() {
    let text =
        "[http\nlisten = ${PORT}\n[tcp]\nlisten = \"8080\"\nlisten = \"off\"\n[limits]\npage_len = 0\n";
    snapshot("config_no_toml", &problems(text));
}

#[test]
fn no_message_shows_a_secret_or_the_value_of_a_variable() {
    let text = r#"
        state_dir = ["hunter2"]
        [http]
        listen = "${SECRET}"
        path = "${SECRET}"
        hosts = ["a b ${SECRET}"]
        origins = ["${SECRET}"]
        [log]
        level = "info,${SECRET}"
        format = "${SECRET}"
        [limits]
        page_len = "${SECRET}"
        [cluster]
        secret = "${SECRET}"
        seeds = ["${SECRET}"]
        [[tokens]]
        principal = "alice"
        secret = "hunter2"
        [[tokens]]
        principal = "bob"
        secret = ["hunter2"]
        [[tokens]]
        principal = "carol"
        sercet = "hunter2"
    "#;
    let problems = read(text).expect_err("the file must be refused");
    assert_eq!(problems.list.len(), 15, "{problems}");
    assert!(!format!("{problems} {problems:?}").contains("hunter2"), "{problems}");
    let settings = read("[[tokens]]\nprincipal = \"alice\"\nsecret = \"${TOKEN}\"").expect("right");
    assert!(!format!("{settings:?}").contains("0123456789abcdef"));
}

#[test]
fn a_file_that_is_not_there_is_one_problem() {
    let path = Path::new("/nowhere/switchboard.toml");
    let problems = Settings::from_file(path, &variables, &Overrides::default()).expect_err("it is not there");
    assert_eq!(
        problems.to_string(),
        "/nowhere/switchboard.toml: cannot be read: No such file or directory (os error 2)"
    );
}

const CLUSTER: &str = r#"
    state_dir = "/var/lib/switchboard"
    [cluster]
    name = "red"
    listen = "0.0.0.0:7000"
    advertise = "10.0.0.5:7001"
    seeds = ["nodes.internal:7000", "10.0.0.6:7000", "[fd00::6]:7000"]
    found = true
    secret = "${CLUSTER}"
    zone = "rack 1"
    nodes = 5
    groups = 256
    key_rotate_ms = 86400000
"#;

/// Writes a secret where no other test does.
fn secret_file(name: &str, text: &str, mode: u32) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the folder for tests must be writable");
    std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("one's own file");
    path
}

#[test]
fn the_section_on_the_cluster_reaches_the_node_and_keeps_names_for_later() {
    let settings = read(CLUSTER).expect("the file must be right");
    let cluster = settings.node.cluster.expect("the section is there");
    assert_eq!((cluster.name.as_str(), cluster.zone.as_str(), cluster.groups), ("red", "rack 1", 256));
    assert_eq!((cluster.nodes, cluster.key_rotate_ms), (5, 24 * 3_600_000));
    assert!(cluster.shield.is_none());
    assert_eq!(cluster.listen.to_string(), "0.0.0.0:7000");
    assert_eq!(cluster.advertise.map(|address| address.to_string()).as_deref(), Some("10.0.0.5:7001"));
    assert!(cluster.found);
    assert_eq!(cluster.secret[..4], [0x01, 0x23, 0x45, 0x67]);
    assert_eq!(settings.seeds, ["nodes.internal:7000", "10.0.0.6:7000", "[fd00::6]:7000"]);
    let addresses: Vec<String> = cluster.seeds.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.0.0.6:7000", "[fd00::6]:7000"]);

    let name = "state_dir = \"x\"\n[cluster]\nsecret = \"${CLUSTER}\"\nseeds = [\"nodes.internal:7000\"]";
    let settings = read(name).expect("a seed that is a name is one");
    assert_eq!(settings.node.cluster.map(|cluster| cluster.seeds), Some(Vec::new()));
}

#[test]
fn every_problem_of_a_cluster_is_told_at_once() {
    let text = include_str!("config/wrong_cluster.toml");
    snapshot("config_wrong_cluster", &problems(text));
    for alone in ["[cluster]", "[cluster]\nfound = true", "[cluster]\nsecret = \"${CLUSTER}\""] {
        assert!(problems(alone).contains("needs a state directory"), "{alone}");
    }
}

#[test]
fn options_alone_make_a_node_of_a_cluster_and_count_more_than_the_file() {
    let overrides = Overrides {
        state_dir: Some(PathBuf::from("/tmp/a")),
        cluster: ClusterOverrides {
            listen: "127.0.0.1:7001".parse().ok(),
            seeds: vec!["localhost:7000".to_owned()],
            secret_file: Some(secret_file("secret-of-options", &format!("{}ff\n", "0a".repeat(31)), 0o600)),
            ..ClusterOverrides::default()
        },
        ..Overrides::default()
    };
    let settings = Settings::without_file(&overrides).expect("all of it is right");
    let cluster = settings.node.cluster.expect("an option is enough");
    assert_eq!((cluster.name.as_str(), cluster.found, cluster.secret[31]), ("switchboard", false, 0xff));
    let settings = Settings::from_text("file", CLUSTER, &variables, &overrides).expect("all of it is right");
    let cluster = settings.node.cluster.expect("the section is there");
    assert_eq!((cluster.name.as_str(), cluster.secret[31]), ("red", 0xff));
    assert_eq!(cluster.listen.to_string(), "127.0.0.1:7001");
    assert_eq!(settings.seeds, ["localhost:7000"]);
    assert_eq!(settings.node.state_dir.as_deref(), Some(Path::new("/tmp/a")));

    let cluster = ClusterOverrides { found: true, ..ClusterOverrides::default() };
    let bare = Overrides { cluster, ..Overrides::default() };
    let refused = Settings::without_file(&bare).expect_err("neither secret nor state");
    assert_eq!(refused.list.len(), 2, "{refused}");
    assert!(refused.list.iter().all(|problem| problem.place == Place::Flag("--found")), "{refused}");
}

#[test]
fn a_secret_that_others_can_read_is_refused_and_one_for_the_group_is_not() {
    let text = format!("{}\n", "0123456789abcdef".repeat(4));
    let with = |path: &Path| {
        read(&format!(
            "state_dir = \"x\"\n[cluster]\nfound = true\nsecret_file = {:?}",
            path.display().to_string()
        ))
    };
    assert!(with(&secret_file("secret-private", &text, 0o400)).is_ok());
    assert!(with(&secret_file("secret-group", &text, 0o440)).is_ok());
    let refused = with(&secret_file("secret-open", &text, 0o644)).expect_err("anybody can read it");
    assert!(
        refused.to_string().contains("mode 644") && refused.to_string().contains("chmod 600"),
        "{refused}"
    );
    let refused = with(&secret_file("secret-short", "hunter2", 0o600)).expect_err("it is no secret");
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
    assert!(
        with(Path::new("/nowhere/secret"))
            .is_err_and(|problems| problems.to_string().contains("cannot be read"))
    );
}

/// What is said of a cluster with these certificates, or the name that its node has.
fn with_tls(authorities: &str, issued: &Issued) -> Result<String, String> {
    let settings = read(&format!("{CLUSTER}{}", section(authorities, issued)));
    let settings = settings.map_err(|problems| problems.to_string())?;
    let shield = settings.node.cluster.and_then(|cluster| cluster.shield).expect("the section is there");
    Ok(shield.name().to_owned())
}

#[test]
fn a_node_is_named_by_the_first_uri_or_else_the_first_dns_name_of_its_certificate() {
    let authority = Authority::new("authority");
    assert_eq!(with_tls(&authority.pem(), &authority.issue("Node-1.internal")), Ok("node-1.internal".into()));
    assert_eq!(with_tls(&authority.pem(), &authority.issue("spiffe://a/B")), Ok("spiffe://a/B".into()));
    let both = Authority::new("the next").pem() + &authority.pem();
    assert_eq!(with_tls(&both, &authority.issue("node-1")), Ok("node-1".into()));
}

#[test]
fn a_certificate_that_peers_would_refuse_is_refused_at_the_start_with_the_file_that_it_is_in() {
    let authority = Authority::new("authority");
    let check = |issued: Issued, key: &str, part: &str| {
        let told = with_tls(&authority.pem(), &issued).expect_err(part);
        assert!(told.contains(&format!("`cluster.tls.{key}` \"")) && told.contains(part), "{told}");
        assert!(told.lines().count() == 1, "{told}");
    };
    let now = SystemTime::now();
    check(authority.issue_until("a", now - Duration::from_secs(60)), "cert_file", "has expired");
    check(authority.issue_until("a", now + Duration::from_secs(7_200)), "cert_file", "is not valid yet");
    check(Authority::new("other").issue("a"), "cert_file", "is of none of the authorities in ca_file");
    check(authority.issue_to_client("a"), "cert_file", "must be for serverAuth and clientAuth");
    check(authority.issue(""), "cert_file", "names nobody");
    let (one, other) = (authority.issue("a"), authority.issue("a"));
    let mixed = Issued { certificate: one.certificate, key: other.key };
    check(mixed, "key_file", "is not the key of the certificate");
    let twice = Issued { certificate: authority.issue("a").certificate, key: authority.pem() };
    check(twice, "key_file", "holds no private key");
    let no_certificate = Issued { certificate: String::new(), ..authority.issue("a") };
    check(no_certificate, "cert_file", "holds no certificate");
}

#[test]
fn every_file_for_tls_that_is_missing_or_open_to_others_is_told_at_once() {
    let authority = Authority::new("authority");
    let open = file(&authority.issue("a").key, 0o644);
    let told = problems(&format!(
        "{CLUSTER}[cluster.tls]\nca_file = \"/nowhere/ca.pem\"\ncert_file = \"/nowhere/node.pem\"\nkey_file = {:?}",
        open.display().to_string()
    ));
    assert_eq!(told.lines().count(), 3, "{told}");
    assert_eq!(told.matches("cannot be read: No such file").count(), 2, "{told}");
    assert!(told.contains("mode 644") && told.contains("chmod 600"), "{told}");
    let told = problems(&format!("{CLUSTER}[cluster.tls]\ncert_fil = \"x\""));
    assert!(
        told.contains("`ca_file` is missing here") && told.contains("did you mean `cert_file`?"),
        "{told}"
    );
}
