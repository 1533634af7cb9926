//! The page for auditors: every command on it is run, in the order of the page, as an auditor would who has
//! the funder's policy; both languages say the same; the check on the page comes to the same in a browser.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::process::{Server, binary, run_well, stderr, token, wait_for};
use crate::support::workspace;
use crate::timestamps::Authority;
use crate::witness::Witness;

/// The page in German and in English.
const PAGES: [&str; 2] = ["/pruefung", "/en/audit"];

/// What has a space in it and stands in a sentence, but is no command that an auditor runs on its own:
/// how the program is built, how a shell shows an exit code, the name of the signer's verb.
const MENTIONED: [&str; 3] = ["cargo build --release", "echo $?", "sfs signer"];

/// A tag as it stands in the page.
struct Tag<'a> {
    name: &'a str,
    attributes: &'a str,
    /// What follows it, up to the next one.
    text: &'a str,
}

impl<'a> Tag<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        let rest = self.attributes.split_once(&format!(" {name}=\""))?.1;
        rest.split('"').next()
    }
}

fn tags(page: &str) -> Vec<Tag<'_>> {
    let pieces = page.split('<').skip(1).filter(|piece| !piece.starts_with('!'));
    let tag = |piece| {
        let (inside, text) = str::split_once(piece, '>').expect("a tag ends");
        let end = inside.find(' ').unwrap_or(inside.len());
        Tag { name: &inside[..end], attributes: &inside[end..], text }
    };
    pieces.map(tag).collect()
}

fn plain(text: &str) -> String {
    text.replace("&gt;", ">").replace("&lt;", "<").replace("&quot;", "\"").replace("&amp;", "&")
}

/// Commands of a page that belong together.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    name: String,
    commands: String,
    exit: i32,
}

/// What is to be run, in order; an error names what would not be.
fn blocks(page: &str) -> Result<Vec<Block>, String> {
    let tags = tags(page);
    let mut all: Vec<Block> = Vec::new();
    for tag in tags.iter().filter(|tag| tag.name == "pre") {
        match (tag.attribute("data-run"), tag.attribute("data-shows")) {
            (Some(name), None) => all.push(Block {
                name: name.to_owned(),
                commands: plain(tag.text),
                exit: tag.attribute("data-exit").map_or(0, |code| code.parse().expect("an exit code")),
            }),
            (None, Some(_)) => {}
            _ => return Err(format!("neither run nor the content of a file: {}", tag.text)),
        }
    }
    let in_sentences = tags.iter().filter(|tag| tag.name == "code" && tag.text.contains(' '));
    for command in in_sentences.map(|tag| plain(tag.text)) {
        let is_run = all.iter().any(|block| block.commands.contains(&command));
        if !is_run && !MENTIONED.contains(&&*command) {
            return Err(format!("not run: {command}"));
        }
    }
    Ok(all)
}

#[test]
fn a_command_that_would_not_be_run_is_found() {
    let run = "<pre data-run=\"a\">sfs verify &quot;$SFS&quot; &gt; b</pre>";
    let found = blocks(run).unwrap();
    let expected = Block { name: "a".into(), commands: "sfs verify \"$SFS\" > b".into(), exit: 0 };
    assert_eq!(found, [expected]);
    assert!(blocks(&format!("{run}<p><code>sfs verify</code> <code>policy</code></p>")).is_ok());
    assert!(blocks(&format!("{run}<pre>sfs verify</pre>")).is_err());
    assert!(blocks(&format!("{run}<p><code>sfs rebuild now</code></p>")).is_err());
}

/// An operator's server that witnesses and a timestamp authority vouch for, and an auditor's directory
/// with what comes from the funder, the authority and the administration.
struct World {
    directory: tempfile::TempDir,
    data: PathBuf,
    writer: String,
    server: Server,
    _witnesses: [Witness; 2],
}

impl World {
    fn make() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        let data = place("data");
        run_well(&data, &["simulate", "--schools", "6", "--seed", "3", "--throw-away"]);
        let log = run_well(&data, &["key", "new"]).trim().to_owned();
        let writer = token(&data, "CO");
        let auditor = run_well(&data, &["--json", "token", "--role", "AU", "--until", "2199-12-31"]);
        let auditor: Value = serde_json::from_str(&auditor).unwrap();
        let witnesses = ["funder", "auditor"].map(|name| Witness::new(directory.path(), name, &log));
        let authority = Authority::start(&place("authority"), None);

        std::fs::create_dir_all(place("office/bin")).unwrap();
        let lines = witnesses.iter().map(Witness::line).collect::<String>();
        let policy = format!("log {log}\n{lines}group both all funder auditor\nquorum both\n");
        std::fs::write(place("office/policy"), policy).unwrap();
        std::fs::write(place("office/key"), auditor["api_key"].as_str().unwrap()).unwrap();
        std::fs::copy(place("authority/ca.pem"), place("office/authority.pem")).unwrap();
        std::os::unix::fs::symlink(binary(), place("office/bin/sfs")).unwrap();

        let server = Server::start_with(&data, |command| {
            command.env("SFS_WITNESS_POLICY", place("office/policy")).env("SFS_WITNESS_SECONDS", "1");
            command.env("SFS_TIMESTAMP_URL", &authority.url);
        });
        let world = Self { data, writer, server, _witnesses: witnesses, directory };
        let path = format!("/v1/checkpoints/{}/timestamp", world.served_size(|size| size > 0));
        let is_stamped = wait_for(|| world.server.client("").get(&path).unwrap().status == 200);
        assert!(is_stamped, "there is no timestamp: {}", world.server.said());
        world
    }

    fn office(&self) -> PathBuf {
        self.directory.path().join("office")
    }

    fn page(&self, path: &str) -> String {
        let answer = self.server.client("").get(path).unwrap();
        assert_eq!(answer.status, 200, "{path}");
        answer.text()
    }

    /// Size of the checkpoint that is served, once it is as wanted.
    fn served_size(&self, is_wanted: impl Fn(u64) -> bool) -> u64 {
        let (mut client, mut size) = (self.server.client(""), 0);
        let is_so = wait_for(|| {
            let note = client.get("/checkpoint").unwrap();
            size = note.text().lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or_default();
            note.status == 200 && is_wanted(size)
        });
        assert!(is_so, "the checkpoint of {size} events stays: {}", self.server.said());
        size
    }

    /// Another event, so that there is something to prove between two visits.
    fn grow(&self) {
        let before = self.served_size(|size| size > 0);
        let data = json!({"school": "7d2f0b1e-6a53-4f0c-9a55-0f4f3f0b8a01", "name": "Grundschule am Prüfstand",
            "district": "15083", "form": "GS", "ownership": "unknown"});
        let body = json!({"occurred_on": "2026-09-01", "data": data}).to_string();
        let answer = self.server.client(&self.writer).command("register-school", "grown", &body).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        self.served_size(|size| size > before);
    }

    fn shell(&self, commands: &str, change: impl FnOnce(&mut Command)) -> Output {
        let path = format!("{}:{}", self.office().join("bin").display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("bash");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SFS_")) {
            shell.env_remove(name);
        }
        shell.args(["-eu", "-o", "pipefail", "-c", commands]).current_dir(self.office()).env("PATH", path);
        change(&mut shell);
        shell.stdin(Stdio::null()).output().unwrap()
    }

    /// What a page says in a browser after the files were handed to it.
    fn browse(&self, url: &str, more: &[&str]) -> Value {
        let mut node = Command::new("node");
        node.arg(workspace().join("tests/check/browser.mjs")).arg(url).args(["--width", "320", "--into", "result"]);
        let output = node.args(more).current_dir(self.office()).output().expect("node is needed");
        assert!(output.status.success(), "chromium is needed: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn replaced_once(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` in: {text}");
    text.replace(from, to)
}

#[test]
fn every_command_of_the_page_does_what_the_page_says() {
    let world = World::make();
    let [german, english] = PAGES.map(|path| blocks(&world.page(path)).unwrap());
    assert_eq!(german, english, "both languages have the same commands");
    let names: BTreeSet<&str> = german.iter().map(|block| &*block.name).collect();
    assert!(names.len() == german.len() && names.len() >= 10, "{names:?}");

    let url = format!("http://{}", world.server.address);
    let mut address = String::new();
    let mut said = Vec::new();
    for Block { name, commands, exit } in &german {
        let mut script = commands.clone();
        match &**name {
            "address" => address = replaced_once(commands, "https://sfs.example", &url),
            "directory" => script = replaced_once(commands, "/var/lib/sfs", world.data.to_str().unwrap()),
            // Between the visit and the bundle the log goes on.
            "operator" => world.grow(),
            _ => {}
        }
        let output = world.shell(&format!("{address}\n{script}"), |shell| {
            if name == "operator" {
                shell.env("SFS_DATA", &world.data);
            }
        });
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output));
        assert_eq!(output.status.code(), Some(*exit), "{name}: {commands}\n{text}");
        said.push((&**name, text));
    }
    let said = |name: &str| &said.iter().find(|(known, _)| *known == name).expect(name).1;
    for (name, words) in [
        ("signature", "Signature Verified Successfully"),
        ("timestamp", "Verification: OK"),
        ("level-0", "level 0 · 0 findings · whole"),
        ("level-1", "14 events"),
        ("level-1", "continues the remembered log"),
        ("node", "\"code\":0"),
        ("unpack", "open.bin: OK"),
        ("unpack", "principal.role-granted.v1"),
        ("forged", "INVALID"),
        ("level-2", "level 2 · 0 findings · whole"),
        ("directory", "level 2 · 0 findings · whole"),
    ] {
        assert!(said(name).contains(words), "{name} does not say `{words}`: {}", said(name));
    }
    check_in_a_browser(&world, &url);
    world.server.stop();
}

/// The bundles of the auditor's directory, on the page.
fn check_in_a_browser(world: &World, url: &str) {
    let verdicts = [["In Ordnung. (Exit-Code 0)", "Falsch"], ["In order. (exit code 0)", "False"]];
    for (path, [whole, wrong]) in PAGES.iter().zip(verdicts) {
        for (bundle, verdict) in [("proof.tar", whole), ("forged.tar", wrong)] {
            let files = [&format!("bundle={bundle}"), "policy=policy", "seen=seen", "--submit", "check"];
            let page = world.browse(&format!("{url}{path}"), &files);
            assert!(page["result"].as_str().unwrap().starts_with(verdict), "{page:#}");
            assert_eq!((&page["messages"], &page["overflow"]), (&json!([]), &json!(0)), "{page:#}");
            let is_own = |request: &Value| request.as_str().unwrap().starts_with(&format!("GET {url}/"));
            let requests = page["requests"].as_array().unwrap();
            assert!(requests.len() >= 4 && requests.iter().all(is_own), "nothing is sent anywhere: {page:#}");
            // Only a finding is in the verifier's own words.
            let in_english = usize::from(bundle == "forged.tar" && *path == "/pruefung");
            assert_eq!(page["foreign"].as_array().unwrap().len(), in_english, "{page:#}");
        }
    }
    let insecure = url.replace("127.0.0.1", "insecure.example");
    let page = world.browse(&format!("{insecure}/pruefung"), &[]);
    let result = page["result"].as_str().unwrap();
    assert!(result.contains("HTTPS") && result.contains("sfs verify"), "{page:#}");
}

/// Elements that have no end.
const VOID: [&str; 4] = ["meta", "link", "input", "br"];

/// What is wrong with the page's structure, and its elements in order.
fn structure(page: &str) -> (Vec<String>, Vec<&str>) {
    let (mut findings, mut open, mut elements, mut ids) = (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
    let mut heading = 0;
    let tags = tags(page);
    for tag in &tags {
        if let Some(name) = tag.name.strip_prefix('/') {
            if open.pop() != Some(name) {
                findings.push(format!("</{name}> ends something else"));
            }
            continue;
        }
        elements.push(tag.name);
        if !VOID.contains(&tag.name) {
            open.push(tag.name);
        }
        if tag.attribute("id").is_some_and(|id| !ids.insert(id)) {
            findings.push(format!("an id is there twice: {}", tag.attributes));
        }
        if let Some(level) = tag.name.strip_prefix('h').and_then(|level| level.parse::<u8>().ok()) {
            if level > heading + 1 {
                findings.push(format!("a heading is left out before {}", tag.text));
            }
            heading = level;
        }
        if tag.name == "th" && tag.attribute("scope").is_none() {
            findings.push(format!("a head without scope: {}", tag.text));
        }
        for name in ["style", "onclick", "onsubmit"] {
            if tag.attribute(name).is_some() {
                findings.push(format!("the page's rules forbid {name}"));
            }
        }
    }
    findings.extend(open.into_iter().map(|name| format!("<{name}> has no end")));
    let labelled: BTreeSet<&str> = tags.iter().filter_map(|tag| tag.attribute("for")).collect();
    for tag in &tags {
        let named = [tag.attribute("for"), tag.attribute("aria-labelledby")].into_iter().flatten();
        let linked = tag.attribute("href").and_then(|address| address.strip_prefix('#'));
        for id in named.chain(linked).filter(|id| !ids.contains(id)) {
            findings.push(format!("there is no `{id}`"));
        }
        for address in [tag.attribute("href"), tag.attribute("src")].into_iter().flatten() {
            if !address.starts_with(['#', '/']) || address.starts_with("//") {
                findings.push(format!("from elsewhere: {address}"));
            }
        }
        if tag.name == "input" && tag.attribute("id").is_none_or(|id| !labelled.contains(id)) {
            findings.push("an input has no label".into());
        }
        if tag.name == "table" && !tag.text.trim().is_empty() {
            findings.push("a table begins with text".into());
        }
    }
    (findings, elements)
}

#[test]
fn both_languages_have_one_structure_and_all_links_lead_somewhere() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    token(&data, "CO");
    let server = Server::start(&data);
    let mut client = server.client("");
    let mut elements = Vec::new();
    for (path, language, other) in [(PAGES[0], "de", PAGES[1]), (PAGES[1], "en", PAGES[0])] {
        let page = client.get(path).unwrap();
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
        let page = page.text();
        assert!(page.contains(&format!("<html lang=\"{language}\">")) && page.contains(&format!("href=\"{other}\"")));
        let (findings, found) = structure(&page);
        assert_eq!(findings, Vec::<String>::new(), "{path}");
        elements.push(found.join(" "));
        let links: Vec<&str> =
            tags(&page).iter().filter_map(|tag| tag.attribute("href").or(tag.attribute("src"))).collect();
        for link in links.into_iter().filter(|link| link.starts_with('/')) {
            assert_eq!(client.get(link).unwrap().status, 200, "{link}");
        }
        assert!(
            client.get("/").unwrap().text().contains(&format!("href=\"{path}\"")),
            "the first page leads to {path}"
        );
    }
    assert_eq!(elements[0], elements[1]);
    let verifier = std::fs::read_to_string(workspace().join("crates/api/assets/bundle.mjs")).unwrap();
    assert_eq!(client.get("/assets/bundle.js").unwrap().text(), verifier, "the page runs the file that Node runs");
    let script = client.get("/assets/audit.js").unwrap().text();
    let left_out = verifier.split("not_checked.push(").skip(1).flat_map(|rest| {
        let texts = rest.split(");").next().unwrap();
        texts.split('"').skip(1).step_by(2)
    });
    let left_out: Vec<&str> = left_out.collect();
    assert!(left_out.len() >= 7, "{left_out:?}");
    for text in left_out {
        assert!(script.contains(&format!("'{text}'")), "there is no German for: {text}");
    }
    server.stop();
}

#[test]
fn a_page_that_is_not_whole_is_found() {
    for (wrong, finding) in [
        ("<p>a", "has no end"),
        ("<p><em>a</p></em>", "ends something else"),
        ("<h1>a</h1><h3>b</h3>", "heading is left out"),
        ("<a href=\"#a\">b</a>", "there is no `a`"),
        ("<script src=\"//a/b.js\"></script>", "from elsewhere"),
        ("<p id=\"a\"></p><p id=\"a\"></p>", "there twice"),
        ("<input id=\"a\">", "no label"),
        ("<table><tr><th>a</th></tr></table>", "without scope"),
    ] {
        let (findings, _) = structure(wrong);
        assert!(findings.iter().any(|found| found.contains(finding)), "{wrong}: {findings:?}");
    }
}
