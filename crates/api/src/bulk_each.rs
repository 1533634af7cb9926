//! Lists with `mode=each`: read, done and answered in pieces, with bounded memory.
//!
//! The answer begins before the list has ended. So that a client may send all before it reads, up
//! to [`AHEAD`] pieces of the answer are kept for it; one that sends more must read meanwhile.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::response::Response;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc;

use crate::app::Shared;
use crate::auth;
use crate::bulk::{List, is_blank};
use crate::kinds;
use crate::problem::Problem;
use crate::troubles;

/// Lines that are decided and appended together.
const PIECE: usize = 1_000;

/// Pieces of the answer that wait for a client that does not read yet.
const AHEAD: usize = 32;

/// Longest silence of a client inside its list.
const SILENCE: Duration = Duration::from_secs(30);

/// A piece of the answer, or its regular end.
enum Piece {
    Lines(Vec<u8>),
    End,
}

/// Answers while the list comes in.
pub fn post(app: Shared, list: List, body: Body) -> Response {
    let (answers, pieces) = mpsc::channel(AHEAD);
    let input = Input { body: body.into_data_stream(), buffer: BytesMut::new(), read: 0, number: 0, too_long: false };
    tokio::spawn(run(app, list, input, answers));
    Response::new(Body::from_stream(stream::unfold(Some(pieces), |pieces| async move {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(Piece::Lines(lines)) => Some((Ok(Bytes::from(lines)), Some(pieces))),
            Some(Piece::End) => None,
            // The task broke off: the client must not take this for the end of the answer.
            None => Some((Err(std::io::Error::other("the list was not finished")), None)),
        }
    })))
}

/// The incoming list.
struct Input {
    body: BodyDataStream,
    buffer: BytesMut,
    /// Bytes taken from the body.
    read: usize,
    /// Lines found.
    number: u64,
    /// Whether the line that is being read is longer than a command may be.
    too_long: bool,
}

/// A line with its number; nothing if it is longer than a command may be.
type NumberedLine = (u64, Option<Bytes>);

async fn run(app: Shared, mut list: List, mut input: Input, answers: mpsc::Sender<Piece>) {
    let mut lines = Vec::with_capacity(PIECE);
    loop {
        let ended = input.fill(&app, &mut lines).await;
        let mut text = Vec::with_capacity(512 * lines.len());
        if !lines.is_empty() {
            done(&app, &mut list, &lines, &mut text).await;
            lines.clear();
        }
        let ended =
            ended.or_else(|| app.api.shutdown.is_cancelled().then(|| Some(Problem::new(&kinds::SHUTTING_DOWN))));
        if let Some(Some(why)) = &ended {
            list.write_problem(input.number + 1, why, &mut text);
        }
        if !text.is_empty() && answers.send(Piece::Lines(text)).await.is_err() {
            return;
        }
        if ended.is_some() {
            let _ = answers.send(Piece::End).await;
            return;
        }
    }
}

impl Input {
    /// Takes lines until there is a piece of them, or no more at the moment, or no more at all:
    /// then it answers with the problem that ended the list, if one did.
    async fn fill(&mut self, app: &Shared, lines: &mut Vec<NumberedLine>) -> Option<Option<Problem>> {
        let settings = &app.api.settings;
        loop {
            self.take_lines(settings.command_bytes, lines);
            if self.number as usize > settings.bulk_each_lines {
                lines.retain(|(number, _)| *number as usize <= settings.bulk_each_lines);
                self.number = settings.bulk_each_lines as u64;
                return Some(Some(Problem::new(&kinds::TOO_LARGE)));
            }
            if lines.len() >= PIECE {
                return None;
            }
            let frame = match self.body.next().now_or_never() {
                Some(frame) => frame,
                None if !lines.is_empty() => return None,
                None => match tokio::time::timeout(SILENCE, self.body.next()).await {
                    Ok(frame) => frame,
                    Err(_) => return Some(Some(Problem::new(&kinds::TIMEOUT))),
                },
            };
            match frame {
                Some(Ok(bytes)) => {
                    self.read += bytes.len();
                    if self.read > settings.bulk_each_bytes {
                        return Some(Some(Problem::new(&kinds::TOO_LARGE)));
                    }
                    self.buffer.extend_from_slice(&bytes);
                }
                Some(Err(_)) => return Some(Some(Problem::new(&kinds::MALFORMED))),
                None => {
                    // The last line may lack its end.
                    if !self.buffer.is_empty() || self.too_long {
                        self.buffer.extend_from_slice(b"\n");
                        self.take_lines(settings.command_bytes, lines);
                    }
                    return Some(None);
                }
            }
        }
    }

    fn take_lines(&mut self, longest: usize, lines: &mut Vec<NumberedLine>) {
        while lines.len() < PIECE {
            let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
                if self.buffer.len() > longest {
                    self.too_long = true;
                    self.buffer.clear();
                }
                return;
            };
            let line = self.buffer.split_to(end).freeze();
            self.buffer.advance(1);
            self.number += 1;
            let line = (!std::mem::take(&mut self.too_long)).then_some(line);
            if line.as_ref().is_none_or(|line| !is_blank(line)) {
                lines.push((self.number, line));
            }
        }
    }
}

/// Does a piece of the list and writes its answers.
async fn done(app: &Shared, list: &mut List, lines: &[NumberedLine], text: &mut Vec<u8>) {
    // A list can take long: whoever lost their key meanwhile gets no further.
    let (id, key) = (list.principal.caller.principal, list.principal.key);
    let turned_away = match auth::of_key(app, id, key).await {
        Ok(Some(principal)) => {
            list.principal = principal;
            None
        }
        Ok(None) => Some(Problem::unauthorised(true)),
        Err(why) => Some(troubles::load(&why)),
    };
    if let Some(why) = turned_away {
        for (number, _) in lines {
            list.write_problem(*number, &why, text);
        }
        return;
    }
    let mut asked = Vec::with_capacity(lines.len());
    let mut wrong = Vec::new();
    for (number, line) in lines {
        let read = line.as_ref().ok_or_else(|| Problem::new(&kinds::TOO_LARGE));
        match read.and_then(|line| list.read(app, *number, line)) {
            Ok(request) => asked.push(request),
            Err(why) => wrong.push((*number, why)),
        }
    }
    let outcomes = app.api.handler.handle_each(&list.principal.caller, &asked).await;
    let (mut done, mut wrong) = (asked.iter().zip(outcomes), wrong.into_iter().peekable());
    for (number, _) in lines {
        if let Some((_, why)) = wrong.next_if(|(wrong, _)| wrong == number) {
            list.write_problem(*number, &why, text);
        } else if let Some((request, outcome)) = done.next() {
            list.write(app, *number, request, outcome.map_err(|why| troubles::command(&why)), text);
        }
    }
}
