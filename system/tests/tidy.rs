//! The rules of the house, as a test: who may import whom, how long a file may be, what may not be written.
//!
//! The table is the architecture. A new edge in it is a decision of its own, and belongs in a commit of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules each module of `system` may name. `node` composes them all. Stages never name each other, but for
/// `dispatch`, which finds handlers.
const IMPORTS: [(&str, &[&str]); 25] = [
    // Leaves, which anyone may import.
    ("cancel", &[]),
    ("event", &["ids", "probe"]),
    ("ids", &[]),
    ("jsonrpc", &[]),
    ("limits", &[]),
    ("probe", &[]),
    ("table", &[]),
    ("watch", &[]),
    ("env", &["event", "probe"]),
    ("seal", &["env", "ids"]),
    // The vocabulary that the stages share.
    ("protocol", &["ids", "jsonrpc", "limits"]),
    ("client", &["jsonrpc", "protocol", "seal"]),
    // Stages.
    ("transport", &["env", "event", "ids", "jsonrpc", "limits"]),
    ("session", &["cancel", "client", "env", "event", "ids", "jsonrpc", "protocol"]),
    ("task", &["env", "event", "ids", "jsonrpc", "limits", "probe", "seal", "table", "watch"]),
    ("handler", &["cancel", "client", "env", "event", "ids", "jsonrpc", "protocol"]),
    ("dispatch", &["handler", "jsonrpc", "protocol"]),
    // The cluster, from the wire up. Only `cluster` composes its parts.
    ("mesh", &["env", "event", "ids", "limits", "watch"]),
    ("store", &["env", "event", "ids", "limits"]),
    ("raft", &["env", "event", "ids", "limits", "probe", "store", "watch"]),
    ("detector", &["env", "ids", "limits"]),
    ("control", &["env", "ids", "limits", "seal"]),
    ("group", &["env", "ids", "jsonrpc", "limits", "probe", "seal", "task"]),
    (
        "cluster",
        &[
            "control", "detector", "env", "event", "group", "ids", "jsonrpc", "limits", "mesh", "raft",
            "seal", "store", "table", "task", "watch",
        ],
    ),
    ("node", &ANY),
];

const ANY: [&str; 19] = [
    "cancel",
    "client",
    "cluster",
    "dispatch",
    "env",
    "event",
    "group",
    "handler",
    "ids",
    "jsonrpc",
    "limits",
    "probe",
    "protocol",
    "seal",
    "session",
    "table",
    "task",
    "transport",
    "watch",
];

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Words that say that nobody knew what a thing is.
const NAMES_BANNED: [&str; 3] = ["Manager", "Helper", "Util"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package must be in the workspace").to_owned()
}

/// Every Rust file under a folder, in order, with its text.
fn sources(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder must be readable") {
            let path = entry.expect("an entry must be readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source must be text");
                found.insert(path, text);
            }
        }
    }
    found
}

/// The files of all packages.
fn all_sources() -> BTreeMap<PathBuf, String> {
    let folders = ["system/src", "sim/src", "sim/trap/src", "scenarios", "benches", "bin"];
    folders.iter().flat_map(|folder| sources(&root().join(folder))).collect()
}

/// What stands before the tests at the end of a file.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn report(broken: &[String]) {
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn stages_import_only_what_the_table_allows() {
    let allowed: BTreeMap<_, _> = IMPORTS.into_iter().collect();
    let source = root().join("system/src");
    let mut broken = Vec::new();
    for (path, text) in sources(&source) {
        let inside = path.strip_prefix(&source).expect("a source must be in its folder");
        let first = inside.components().next().expect("a path must not be empty");
        let module = first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        if module == "lib" || is_test_file(inside) {
            continue;
        }
        let Some(allowed) = allowed.get(module.as_str()) else {
            broken.push(format!("{module} is not in the table"));
            continue;
        };
        for (number, line) in without_tests(&text).lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for named in line.split("crate::").skip(1) {
                let end = named.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(named.len());
                let named = &named[..end];
                if named != module && !named.is_empty() && !allowed.contains(&named) {
                    broken.push(format!("{}:{} {module} may not name {named}", inside.display(), number + 1));
                }
            }
        }
    }
    report(&broken);
}

#[test]
fn every_module_of_the_table_exists() {
    let source = root().join("system/src");
    let exists = |module: &str| {
        source.join(format!("{module}.rs")).exists() || source.join(module).join("mod.rs").exists()
    };
    let missing = IMPORTS.iter().filter(|(module, _)| !exists(module));
    let missing: Vec<String> = missing.map(|(module, _)| (*module).to_owned()).collect();
    report(&missing);
}

#[test]
fn every_file_says_first_what_it_is_and_stays_short() {
    let mut broken = Vec::new();
    for (path, text) in all_sources() {
        if !text.starts_with("//!") {
            broken.push(format!("{} does not begin with what it is (//!)", shown(&path)));
        }
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            broken.push(format!("{} has {lines} lines; {FILE_LINES_MAX} is the most", shown(&path)));
        }
    }
    report(&broken);
}

#[test]
fn functions_fit_on_a_screen() {
    let mut broken = Vec::new();
    for (path, text) in all_sources() {
        if is_test_file(&path) {
            continue;
        }
        let lines: Vec<&str> = without_tests(&text).lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let signature = line.trim_start();
            let indent = line.len() - signature.len();
            let words: Vec<&str> = signature.split(' ').take(5).collect();
            let is_function = words.iter().position(|word| *word == "fn").is_some_and(|fn_at| {
                words[..fn_at].iter().all(|word| word.starts_with("pub") || ["async", "const"].contains(word))
            });
            if !is_function {
                continue;
            }
            // What a trait asks for has no body: the next brace belongs to something else.
            let ends = lines[at..].iter().find(|line| line.ends_with([';', '{']));
            if ends.is_some_and(|line| line.ends_with(';')) {
                continue;
            }
            let close = format!("{}}}", " ".repeat(indent));
            let length = lines[at..].iter().position(|line| *line == close).unwrap_or(0);
            if length > FUNCTION_LINES_MAX {
                broken.push(format!("{}:{} has {length} lines", shown(&path), at + 1));
            }
        }
    }
    report(&broken);
}

#[test]
fn nothing_is_left_open_and_nothing_is_named_for_not_knowing_what_it_is() {
    let mut broken = Vec::new();
    for (path, text) in all_sources() {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let place = || format!("{}:{}", shown(&path), number + 1);
            for open in ["todo!(", "unimplemented!(", "dbg!("] {
                if code.contains(open) {
                    broken.push(format!("{} {open})", place()));
                }
            }
            let names_type = ["struct ", "enum ", "trait ", "type "].iter().any(|kind| code.contains(kind));
            if names_type && NAMES_BANNED.iter().any(|banned| code.contains(banned)) {
                broken.push(format!("{} {}", place(), code.trim()));
            }
        }
    }
    report(&broken);
}

#[test]
fn outside_input_is_never_unwrapped() {
    let mut broken = Vec::new();
    for (path, text) in sources(&root().join("system/src")) {
        if is_test_file(&path) {
            continue;
        }
        for (number, line) in without_tests(&text).lines().enumerate() {
            if line.split("//").next().unwrap_or_default().contains(".unwrap()") {
                broken.push(format!("{}:{}", shown(&path), number + 1));
            }
        }
    }
    report(&broken);
}
