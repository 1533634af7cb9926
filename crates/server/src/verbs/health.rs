//! `sfs health`: asks a running server, without a client program in the container.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::VerbError;
use crate::cli::{HealthArgs, exit};

pub async fn run(args: &HealthArgs) -> Result<u8, VerbError> {
    let ask = async {
        let mut stream = TcpStream::connect(&args.address).await?;
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", args.address);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = tokio::time::timeout(Duration::from_secs(5), ask).await;
    match answer {
        Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200") => Ok(exit::OK),
        Ok(Ok(answer)) => {
            let body = answer.split("\r\n\r\n").nth(1).unwrap_or(&answer);
            eprintln!("sfs: not ready: {body}");
            Ok(exit::FINDINGS)
        }
        Ok(Err(why)) => Err(VerbError::unusable(format!("{}: {why}", args.address))),
        Err(_) => Err(VerbError::unusable(format!("{} did not answer within 5 seconds", args.address))),
    }
}
