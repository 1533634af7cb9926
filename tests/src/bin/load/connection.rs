//! One connection: a request is written in one go, of the answer only status and end are looked at.

use std::io::{Error, ErrorKind};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer that is longer than this is not one of ours.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// A connection that is kept alive.
pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

/// What is known of an answer that is not yet all there.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// Status, and how many bytes the answer has.
    Done(u16, usize),
    /// More bytes are needed.
    More,
}

impl Connection {
    /// Connects.
    pub async fn open(address: &str) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and waits for the whole answer; its status.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<u16, Error> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            match progress(&self.answer)? {
                Progress::Done(status, length) if length == self.answer.len() => return Ok(status),
                Progress::Done(..) => return Err(ErrorKind::InvalidData.into()),
                Progress::More if self.answer.len() > MOST_BYTES => return Err(ErrorKind::OutOfMemory.into()),
                Progress::More => {}
            }
        }
    }

    /// Lines of the last answer that state a problem: a list is answered 200 whatever its lines came to.
    pub fn refused_lines(&self) -> u64 {
        let mark = b"\"problem\":";
        self.answer.windows(mark.len()).filter(|window| window == mark).count() as u64
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn progress(answer: &[u8]) -> Result<Progress, Error> {
    let Some(head) = find(answer, b"\r\n\r\n") else { return Ok(Progress::More) };
    let text = std::str::from_utf8(&answer[..head]).map_err(|_| ErrorKind::InvalidData)?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.get(9..12)?.parse().ok()).ok_or(ErrorKind::InvalidData)?;
    let body = head + 4;
    let mut length = 0;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(|_| ErrorKind::InvalidData)?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Ok(end_of_chunks(answer, body)?.map_or(Progress::More, |end| Progress::Done(status, end)));
        }
    }
    let end = body + length;
    Ok(if answer.len() >= end { Progress::Done(status, end) } else { Progress::More })
}

/// Where a body in chunks that begins at `from` ends, if it is all there.
fn end_of_chunks(answer: &[u8], mut from: usize) -> Result<Option<usize>, Error> {
    // Most of the time the last chunk is not there yet: seen at once.
    if !answer.ends_with(b"0\r\n\r\n") {
        return Ok(None);
    }
    loop {
        let Some(line) = answer.get(from..).and_then(|rest| find(rest, b"\r\n")) else { return Ok(None) };
        let size = std::str::from_utf8(&answer[from..from + line]).map_err(|_| ErrorKind::InvalidData)?;
        let size = usize::from_str_radix(size, 16).map_err(|_| ErrorKind::InvalidData)?;
        from += line + 2 + size + 2;
        match (size, from <= answer.len()) {
            (_, false) => return Ok(None),
            (0, true) => return Ok(Some(from)),
            (_, true) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let whole = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(progress(whole).unwrap(), Progress::Done(201, whole.len()));
        for cut in [0, 10, 40, whole.len() - 1] {
            assert_eq!(progress(&whole[..cut]).unwrap(), Progress::More, "{cut}");
        }
        assert!(progress(b"nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn an_answer_in_chunks_ends_with_the_empty_one() {
        let whole = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n0\r\n\r\nx\r\n1\r\ny\r\n0\r\n\r\n";
        assert_eq!(progress(whole).unwrap(), Progress::Done(200, whole.len()));
        // The first chunk holds what looks like the end.
        assert_eq!(progress(&whole[..whole.len() - 14]).unwrap(), Progress::More);
        assert_eq!(progress(&whole[..whole.len() - 1]).unwrap(), Progress::More);
    }
}
