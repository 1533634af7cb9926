//! The signer as a process of its own: started, asked, ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::process::{Server, run_well, sfs};

/// A running signer with a directory of its own. It is killed when the value is dropped.
pub struct Signer {
    child: Child,
    directory: PathBuf,
}

impl Signer {
    /// Makes a key in that directory and starts the signer of it.
    pub fn with_new_key(directory: &Path) -> Self {
        run_well(&directory.join("unused"), &["key", "--directory", directory.to_str().unwrap(), "new"]);
        Self::start(directory)
    }

    /// Starts the signer of that directory and waits until it answers.
    pub fn start(directory: &Path) -> Self {
        let mut command = sfs(&directory.join("unused"));
        command.arg("signer").arg("--directory").arg(directory).arg("--socket").arg(directory.join("socket"));
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.starts_with("sfs: signs for ")), "the signer did not start: {:?}", child.wait());
        // Whoever does not read lets it wait for the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, directory: directory.to_path_buf() }
    }

    /// The setting of a server that has it sign.
    pub fn address(&self) -> String {
        format!("unix:{}", self.directory.join("socket").display())
    }

    /// Starts a server whose checkpoints it signs.
    pub fn serve(&self, data: &Path) -> Server {
        let address = self.address();
        Server::start_with(data, |command| {
            command.env("SFS_SIGNER", address);
        })
    }

    /// A verb on a data directory whose checkpoints it signs.
    pub fn sfs(&self, data: &Path) -> Command {
        let mut command = sfs(data);
        command.env("SFS_SIGNER", self.address());
        command
    }

    /// What it answers to a line.
    pub fn ask(&self, question: &str) -> String {
        let mut stream = UnixStream::connect(self.directory.join("socket")).unwrap();
        stream.write_all(format!("{question}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Ends it as nobody can prevent.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Ends it in order.
    pub fn stop(mut self) {
        let status = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        self.kill();
    }
}
