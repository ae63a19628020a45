// SPDX-License-Identifier: Apache-2.0

// A function as a job: every call of it is a run with an id, a context and rows.
export { instrument, job } from './instrument.ts'

// Timers.
export { after, every, instrumentTimers } from './timers.ts'

// Libraries, in place.
export { instrumentCroner } from './croner.ts'
export { instrumentNodeCron } from './node-cron.ts'
export { instrumentNodeSchedule } from './node-schedule.ts'
export { instrumentToadScheduler } from './toad-scheduler.ts'

// Runs that somebody else tells of.
export { jobRun, mintRunID } from './run-id.ts'

export type { Queueing, Skipping } from './instrument.ts'
export type { Overlap } from './overlap.ts'
export type { RunOptions, RunRecorder } from './run-options.ts'
export type { TimerOptions, Timers } from './timers.ts'
export type { Job, JobOptions } from './wrap-job.ts'
