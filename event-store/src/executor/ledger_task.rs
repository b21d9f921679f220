//! WIP
use super::{
    ExecutorSettings,
    lookup::AccountSource,
    submission::{Request, SubmitError},
};
use crate::{database::Database, signal::LogSignal};
use ledger_core::LedgerName;
use std::sync::Arc;
use tokio::sync::mpsc;
pub(super) struct LedgerTask {
    receiver: mpsc::Receiver<Request>,
}
impl LedgerTask {
    pub(super) fn new(
        _l: LedgerName,
        _d: Database,
        _s: LogSignal,
        _a: Arc<dyn AccountSource>,
        _t: ExecutorSettings,
        receiver: mpsc::Receiver<Request>,
    ) -> Self {
        Self { receiver }
    }
    pub(super) async fn run(mut self) {
        while let Some(r) = self.receiver.recv().await {
            r.answer(Err(SubmitError::Fault));
        }
    }
}
