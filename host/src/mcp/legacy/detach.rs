//! A future that goes on when nobody waits for it any more.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tokio_util::task::TaskTracker;

/// Polled where it is; if dropped before its end, it is carried to its end in the background.
pub(super) struct Detach<T: Send + 'static> {
    future: Option<BoxFuture<'static, T>>,
    background: TaskTracker,
}

impl<T: Send + 'static> Detach<T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static, background: TaskTracker) -> Self {
        Self { future: Some(Box::pin(future)), background }
    }
}

impl<T: Send + 'static> Future for Detach<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(future) = &mut self.future else { return Poll::Pending };
        let polled = future.as_mut().poll(context);
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Detach<T> {
    fn drop(&mut self) {
        // At the end of the process there is no runtime to carry it on, and no need.
        if let (Some(future), Ok(runtime)) = (self.future.take(), tokio::runtime::Handle::try_current()) {
            self.background.spawn_on(async move { drop(future.await) }, &runtime);
        }
    }
}
