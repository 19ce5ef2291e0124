//! The same in PyTorch, in a process of its own that works when it is told to; see `serve.py` beside the scripts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A script that says which PyTorch it runs in, and then answers line by line.
pub(crate) struct Peer {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub(crate) version: String,
}

impl Peer {
    /// `None`, with a word about it, where there is no Python or no PyTorch.
    pub(crate) fn start(script: &str, arguments: &[String]) -> Option<Self> {
        let python = std::env::var("FOURBAR_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let has_torch = Command::new(&python)
            .args(["-c", "import torch"])
            .stderr(Stdio::null())
            .status();
        if !has_torch.is_ok_and(|status| status.success()) {
            println!(
                "\n`{python}` has no PyTorch, which is left out: `pip install torch`, or set FOURBAR_PYTHON"
            );
            return None;
        }
        let mut process = Command::new(python)
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut peer = Self {
            process,
            requests,
            answers,
            version: String::new(),
        };
        peer.version = peer.line();
        Some(peer)
    }

    /// The answer to a line.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        writeln!(self.requests.as_mut().unwrap(), "{request}").unwrap();
        self.line()
    }

    /// The next line that it writes.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Its standard input ends, and so does it.
        self.requests = None;
        self.process.wait().unwrap();
    }
}
