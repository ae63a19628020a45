// SPDX-License-Identifier: Apache-2.0
import type { Subject } from './subject.ts'

/** Loaded by the child that measures one, so that no subject pays for another's code. */
export const subjects = {
  nothing: async (): Promise<Subject> => (await import('./nothing.ts')).subject,
  fastenEmit: async (): Promise<Subject> => (await import('./fasten.ts')).fastenEmit('process'),
  fastenEmitTick: async (): Promise<Subject> => (await import('./fasten.ts')).fastenEmit('tick'),
  fastenLog: async (): Promise<Subject> => (await import('./fasten.ts')).fastenLog,
  pinoSync: async (): Promise<Subject> => (await import('./pino.ts')).pinoSync,
  pinoAsync: async (): Promise<Subject> => (await import('./pino.ts')).pinoAsync,
  pinoWorker: async (): Promise<Subject> => (await import('./pino.ts')).pinoWorker,
  winston: async (): Promise<Subject> => (await import('./winston.ts')).winstonFile,
  openTelemetry: async (): Promise<Subject> => (await import('./opentelemetry.ts')).openTelemetryBatch,
} as const

export type SubjectName = keyof typeof subjects
