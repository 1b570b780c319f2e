//! Streams from and to files.

use std::{fs::File, io, sync::Arc};

use bytes::Bytes;
use rustix::io::{Errno, ReadWriteFlags, pwritev2};
use wasmtime_wasi::{
    p2::{DynInputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult},
    runtime::{AbortOnDropJoinHandle, spawn_blocking},
};

use super::folder::{Folder, Slot};

/// What one write may carry; the guest splits longer ones.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// A stream from a file. It keeps the file open, so it keeps its place among those.
pub(super) struct Reading {
    pub(super) stream: DynInputStream,
    pub(super) _slot: Option<Arc<Slot>>,
}

/// A stream to a file, which counts what it adds to the folder.
pub(super) struct Writing {
    target: Target,
    /// Where the next byte goes; `None` is the end, wherever that is then.
    at: Option<u64>,
    state: State,
    _slot: Option<Arc<Slot>>,
}

#[derive(Clone)]
struct Target {
    file: Arc<File>,
    folder: Arc<Folder>,
}

enum State {
    Ready,
    /// A write is under way. It gives how much it wrote.
    Busy(AbortOnDropJoinHandle<io::Result<u64>>),
    Failed(io::Error),
    Closed,
}

impl Writing {
    pub(super) fn new(file: Arc<File>, folder: Arc<Folder>, at: Option<u64>, slot: Option<Arc<Slot>>) -> Self {
        Self { target: Target { file, folder }, at, state: State::Ready, _slot: slot }
    }

    /// Says once that the last write failed; then the stream is closed.
    fn check(&mut self) -> StreamResult<()> {
        match &self.state {
            State::Ready | State::Busy(_) => Ok(()),
            State::Closed => Err(StreamError::Closed),
            State::Failed(_) => match std::mem::replace(&mut self.state, State::Closed) {
                State::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
                _ => Err(StreamError::Closed),
            },
        }
    }
}

impl Target {
    fn write(&self, bytes: &[u8], at: Option<u64>) -> io::Result<u64> {
        let mut written = 0;
        while written < bytes.len() {
            let rest = &bytes[written..];
            let some = match at {
                Some(at) => {
                    let at = at.checked_add(written as u64).ok_or(Errno::FBIG)?;
                    self.folder.write_at(&self.file, rest, at)?
                }
                None => self.append(rest)?,
            };
            if some == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            written += some;
        }
        Ok(written as u64)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let reserved = self.folder.reserve(bytes.len() as u64)?;
        // Where the end is, is for the kernel to say: others may append at the same time.
        let slices = [io::IoSlice::new(bytes)];
        let written = pwritev2(&self.file, &slices, 0, ReadWriteFlags::APPEND);
        if written.is_err() {
            reserved.give_back();
        }
        Ok(written?)
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Writing {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        match self.state {
            State::Ready if bytes.len() <= WRITE_BYTES_MAX => {}
            State::Closed => return Err(StreamError::Closed),
            _ => return Err(StreamError::trap("a write without leave from `check-write`")),
        }
        let (target, at) = (self.target.clone(), self.at);
        self.state = State::Busy(spawn_blocking(move || target.write(&bytes, at)));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        // Nothing is held back but by the write that is under way.
        self.check()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.check()?;
        Ok(if matches!(self.state, State::Ready) { WRITE_BYTES_MAX } else { 0 })
    }

    async fn cancel(&mut self) {
        if let State::Busy(task) = std::mem::replace(&mut self.state, State::Closed) {
            // What has begun is waited for: a guest cannot pile up writes by dropping streams.
            task.cancel().await;
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Writing {
    async fn ready(&mut self) {
        if let State::Busy(task) = &mut self.state {
            self.state = match task.await {
                Ok(written) => {
                    self.at = self.at.map(|at| at + written);
                    State::Ready
                }
                Err(error) => State::Failed(error),
            };
        }
    }
}

#[wasmtime_wasi::async_trait]
impl InputStream for Reading {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.stream.read(size)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.stream.blocking_read(size).await
    }

    fn skip(&mut self, bytes: usize) -> StreamResult<usize> {
        self.stream.skip(bytes)
    }

    async fn blocking_skip(&mut self, bytes: usize) -> StreamResult<usize> {
        self.stream.blocking_skip(bytes).await
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Reading {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}
