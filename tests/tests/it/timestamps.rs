//! Trusted time by an authority that is not ours: OpenSSL gives the timestamps and OpenSSL checks them
//! (case 32 of `audit.md` 6).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::Digest as _;

use crate::support::process::{Server, exit, run, run_well, token, wait_for};

/// A timestamp authority behind a port.
pub struct Authority {
    directory: PathBuf,
    pub url: String,
}

fn openssl(directory: &Path, args: &[&str]) -> bool {
    let output = Command::new("openssl").current_dir(directory).args(args).output().expect("openssl is needed");
    output.status.success()
}

impl Authority {
    /// With a certificate of its own, and of a CA that those who verify know. A `stamps` that is given
    /// is what it gives timestamps of, whatever it is asked.
    pub fn start(directory: &Path, stamps: Option<&'static [u8]>) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
        write("serial", "01\n");
        write("usage", "extendedKeyUsage=critical,timeStamping\n");
        write(
            "config",
            "[tsa]\ndefault_tsa=one\n[one]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\n\
             default_policy=1.2.3.4.1\ndigests=sha256\ness_cert_id_alg=sha256\n",
        );
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let request = |args: &[&str]| openssl(directory, &[&["req"], &key[..], args].concat());
        assert!(request(&["-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "2"]));
        assert!(request(&["-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test TSA"]));
        let sign = ["x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        assert!(openssl(directory, &[&sign[..], &["-out", "tsa.pem", "-days", "2", "-extfile", "usage"]].concat()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/tsa", listener.local_addr().unwrap());
        let at = directory.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                answer(&at, stream, stamps);
            }
        });
        Self { directory: directory.to_owned(), url }
    }

    /// Whether OpenSSL finds the reply to be of these bytes.
    fn verifies(&self, reply: &[u8], bytes: &[u8]) -> bool {
        std::fs::write(self.directory.join("reply"), reply).unwrap();
        std::fs::write(self.directory.join("data"), bytes).unwrap();
        openssl(&self.directory, &["ts", "-verify", "-data", "data", "-in", "reply", "-CAfile", "ca.pem"])
    }
}

fn answer(directory: &Path, stream: TcpStream, stamps: Option<&[u8]>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        stream.read_line(&mut head).unwrap();
    }
    let head = head.to_lowercase();
    assert!(head.contains("content-type: application/timestamp-query\r\n"), "{head}");
    let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap().parse().unwrap();
    let mut query = vec![0; length];
    stream.read_exact(&mut query).unwrap();
    std::fs::write(directory.join("query"), &query).unwrap();
    if let Some(bytes) = stamps {
        std::fs::write(directory.join("other"), bytes).unwrap();
        assert!(openssl(directory, &["ts", "-query", "-data", "other", "-sha256", "-cert", "-out", "query"]));
    }
    let reply = ["ts", "-reply", "-config", "config", "-section", "one", "-queryfile", "query", "-out", "answer"];
    assert!(openssl(directory, &reply));
    let reply = std::fs::read(directory.join("answer")).unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        reply.len()
    );
    stream.get_mut().write_all(&[head.as_bytes(), &reply].concat()).unwrap();
}

fn serve(data: &Path, url: &str) -> Server {
    Server::start_with(data, |command| {
        command.env("SFS_TIMESTAMP_URL", url).env("SFS_WITNESS_SECONDS", "1");
    })
}

#[test]
fn a_checkpoint_gets_a_timestamp_that_a_program_of_others_verifies() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::start(&directory.path().join("authority"), None);
    let data = directory.path().join("data");
    token(&data, "CO");
    run_well(&data, &["key", "new"]);
    let server = serve(&data, &authority.url);
    let mut client = server.client("");
    let is_there = wait_for(|| client.get("/v1/checkpoints/2/timestamp").unwrap().status == 200);
    assert!(is_there, "there is no timestamp: {}", server.said());
    let reply = client.get("/v1/checkpoints/2/timestamp").unwrap();
    assert_eq!(reply.header("content-type"), Some("application/timestamp-reply"));
    let note = client.get("/v1/checkpoints/2").unwrap().body;
    assert_eq!(note, client.get("/checkpoint").unwrap().body);
    assert!(authority.verifies(&reply.body, &note), "openssl does not verify it");
    let mut changed = note.clone();
    changed[5] ^= 1;
    assert!(!authority.verifies(&reply.body, &changed), "a changed checkpoint is not what was timestamped");
    // A bundle carries both, as files for OpenSSL.
    let bundle = directory.path().join("bundle.tar");
    run_well(&data, &["bundle", bundle.to_str().unwrap(), "--position", "1"]);
    let unpacked = Command::new("tar").arg("-xf").arg(&bundle).arg("-C").arg(directory.path()).status().unwrap();
    assert!(unpacked.success());
    let file = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    assert!(authority.verifies(&file("timestamp.tsr"), &file("checkpoint")));
    for path in ["/v1/checkpoints/1", "/v1/checkpoints/1/timestamp", "/v1/checkpoints/x", "/v1/checkpoints/-1"] {
        assert_eq!(client.get(path).unwrap().status, 404, "{path}");
    }
    server.stop();

    // The same day the same timestamp.
    let server = serve(&data, &authority.url);
    assert_eq!(server.client("").get("/v1/checkpoints/2/timestamp").unwrap().body, reply.body);
    server.stop();

    // One of other bytes in its place is found.
    let verify = || {
        let output = run(&data, &["--json", "verify", "--log-only"]);
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), answer["findings"].clone())
    };
    assert_eq!(verify(), (exit::OK, serde_json::json!([])));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    let (imprint, other) = (hex(&sha2::Sha256::digest(&note)), hex(&sha2::Sha256::digest(b"something else")));
    let of_others = hex(&reply.body).replace(&imprint, &other);
    assert_ne!(of_others, hex(&reply.body));
    let exchange = format!("update checkpoint set timestamp = x'{of_others}' where timestamp is not null");
    crate::tamper::execute(&data.join("ops.db"), &[&exchange]);
    let (code, findings) = verify();
    assert_eq!((code, findings.as_array().unwrap().len()), (exit::INVALID, 1), "{findings}");
    assert_eq!(
        (&findings[0]["check"], findings[0]["what"].as_str()),
        (&"timestamp".into(), Some("the timestamp is of other bytes"))
    );
}

#[test]
fn a_timestamp_of_other_bytes_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::start(&directory.path().join("authority"), Some(b"something else"));
    let data = directory.path().join("data");
    token(&data, "CO");
    run_well(&data, &["key", "new"]);
    let server = serve(&data, &authority.url);
    let said = wait_for(|| server.said().contains("the timestamp is of other bytes"));
    assert!(said, "{}", server.said());
    assert_eq!(server.client("").get("/v1/checkpoints/2/timestamp").unwrap().status, 404);
    assert_eq!(server.client("").get("/checkpoint").unwrap().status, 200);
    server.stop();
}
