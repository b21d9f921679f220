//! Work outside the ledger: what waits, what is given up, and what operators do about it.

use ledger_core::Position;
use poem_openapi::OpenApi;
use workflows::jobs::{JobChange, JobFilter, JobRecord, JobState};

use super::identity::time;
use crate::context::RequestContext;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters, Word};
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::problem::{FieldCode, FieldFault, Problem, catalogue};
use crate::reading::limit;
use crate::reply::Answer;
use crate::representation::job::{JobList, JobView};
use crate::representation::position::PositionNumber;
use crate::routes::Part;
use crate::services::Services;

/// Which jobs.
#[derive(Debug)]
pub struct JobsQuery {
    filter: JobFilter,
    limit: i64,
}

impl ParameterGroup for JobsQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let state = from.query::<Word>("state", "Only `waiting`, `running` or `dead` ones.");
        let task = from.query::<Word>("task", "Only of this kind, such as `execute_refund`.");
        let before = from.query::<PositionNumber>(
            "before",
            "Only those before this number: the last of the page before.",
        );
        let limit = limit(from);
        let state = match state?.map(|Word(text)| text.parse::<JobState>()) {
            None => None,
            Some(Ok(state)) => Some(state),
            Some(Err(error)) => {
                let fault = FieldFault::new(FieldCode::InvalidFormat, error.to_string());
                return Err(from.refuse("state", fault));
            }
        };
        Ok(Self {
            filter: JobFilter {
                state,
                task: task?.map(|Word(task)| task),
                before: before?.map(|number| number.0.value()),
            },
            limit: limit?,
        })
    }
}

/// One job.
#[derive(Debug)]
pub struct JobParameter {
    number: i64,
}

impl ParameterGroup for JobParameter {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let number = from.path::<PositionNumber>("number", "The job's number.")?;
        Ok(Self {
            number: Position::value(number.0),
        })
    }
}

/// Operations on jobs.
#[derive(Clone)]
pub struct JobOperations(pub Services);

#[OpenApi]
impl JobOperations {
    /// List jobs that are not done, newest first. Those that are `dead` failed too often and wait for an
    /// operator.
    #[oai(
        path = "/v1/jobs",
        method = "get",
        operation_id = "list_jobs",
        tag = "Part::Jobs"
    )]
    async fn list(
        &self,
        parameters: Parameters<JobsQuery>,
    ) -> Result<Answer<JobList>, QueryProblem> {
        let Parameters(query) = parameters;
        let jobs = self.0.jobs.list(&query.filter, query.limit).await;
        let jobs = jobs.map_err(|error| Problem::from_database(&error))?;
        let items = jobs.into_iter().map(view).collect::<Result<_, Problem>>()?;
        Ok(Answer(JobList { items }))
    }

    /// Get a job that is not done.
    #[oai(
        path = "/v1/jobs/:number",
        method = "get",
        operation_id = "get_job",
        tag = "Part::Jobs"
    )]
    async fn get(
        &self,
        parameters: Parameters<JobParameter>,
    ) -> Result<Answer<JobView>, QueryProblem> {
        let Parameters(JobParameter { number }) = parameters;
        let job = self.0.jobs.get(number).await;
        let job = job.map_err(|error| Problem::from_database(&error))?;
        Ok(Answer(view(job.ok_or_else(|| not_found(number))?)?))
    }

    /// Try a dead job again, from its first attempt on. The reply is the job as it was.
    #[oai(
        path = "/v1/jobs/:number/retry",
        method = "post",
        operation_id = "retry_job",
        tag = "Part::Jobs"
    )]
    async fn retry(
        &self,
        context: RequestContext,
        parameters: Parameters<JobParameter>,
    ) -> Result<Answer<JobView>, CommandProblem> {
        let Parameters(JobParameter { number }) = parameters;
        let change = self.0.jobs.retry(number).await;
        tracing::info!(job.id = number, by = %context.caller.scope(), "a job is to be tried again");
        Ok(Answer(changed(number, change)?))
    }

    /// Throw a dead job away. The reply is the job as it was.
    #[oai(
        path = "/v1/jobs/:number/discard",
        method = "post",
        operation_id = "discard_job",
        tag = "Part::Jobs"
    )]
    async fn discard(
        &self,
        context: RequestContext,
        parameters: Parameters<JobParameter>,
    ) -> Result<Answer<JobView>, CommandProblem> {
        let Parameters(JobParameter { number }) = parameters;
        let change = self.0.jobs.discard(number).await;
        tracing::warn!(job.id = number, by = %context.caller.scope(), "a job is to be thrown away");
        Ok(Answer(changed(number, change)?))
    }
}

fn changed(number: i64, change: Result<JobChange, sqlx::Error>) -> Result<JobView, Problem> {
    match change.map_err(|error| Problem::from_database(&error))? {
        JobChange::Done(job) => view(*job),
        JobChange::NotFound => Err(not_found(number)),
        JobChange::NotDead(job) => {
            let detail = format!("the job {number} is {}", job.state);
            Err(Problem::new(catalogue::JOB_NOT_DEAD, detail))
        }
    }
}

fn not_found(number: i64) -> Problem {
    let detail = format!("there is no job {number}: it is done, or never was");
    Problem::new(catalogue::JOB_NOT_FOUND, detail)
}

fn view(job: JobRecord) -> Result<JobView, Problem> {
    Ok(JobView {
        number: job.id,
        task: job.task,
        payload: job.payload,
        state: job.state,
        attempts: job.attempts,
        max_attempts: job.max_attempts,
        last_error: job.last_error,
        run_at: time(job.run_at)?,
        created_at: time(job.created_at)?,
    })
}
