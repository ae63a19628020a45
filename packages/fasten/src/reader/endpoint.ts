// SPDX-License-Identifier: Apache-2.0
import type { ParameterSet } from './parameter-sets.ts'
import { queryProblem, type Problem } from './problem.ts'
import { parseParameters, type ParameterValues } from './query.ts'
import type { ExpiredRow, Reader, ReaderRow } from './reader.ts'

/** One request on its way through an endpoint. */
export interface Call {
  readonly request: Request
  /** Already narrowed to the caller's tenant where there is one. */
  readonly reader: Reader
  readonly search: URLSearchParams
  /** The part of the path that an endpoint with `{id}` names. */
  readonly id: string
  readonly nowMicros: number
  readonly services: Services
}

/** What endpoints share. */
export interface Services {
  readonly isSearchEnabled: boolean
  readonly heartbeatMs: number
  readonly tailLifetimeMsMax: number
  /** Takes a place for a long answer; undefined when all are taken. */
  readonly takeTail: () => (() => void) | undefined
  readonly takeExport: () => (() => void) | undefined
  readonly problemOf: (error: unknown) => Problem
  readonly openapi: () => unknown
}

export type Answer =
  /** `shown`: the rows in it, where they may carry personal values. */
  | { readonly json: unknown; readonly rows?: number; readonly shown?: readonly (ReaderRow | ExpiredRow)[] }
  | { readonly problem: Problem; readonly headers?: Readonly<Record<string, string>> }
  | { readonly response: Response }

export interface Endpoint {
  /** Below the mount point; `{id}` stands for one segment. */
  readonly path: string
  /** Name in the OpenAPI document and for the authorize hook. */
  readonly operation: string
  readonly summary: string
  readonly set: ParameterSet
  /** Name of the answer's schema (answer-schemas.ts), by media type. */
  readonly answers: Readonly<Record<string, string>>
  /** Statuses it answers beyond those of every endpoint. */
  readonly also?: readonly number[]
  readonly run: (call: Call) => Promise<Answer>
}

/** Runs `work` with the values of `set`, or answers what is wrong with them. */
export function withParameters(
  set: ParameterSet,
  work: (values: ParameterValues, call: Call) => Promise<Answer>,
): Endpoint['run'] {
  return async (call) => {
    const parsed = parseParameters(call.search, set, call.nowMicros)
    return parsed.ok ? work(parsed.value, call) : { problem: queryProblem(parsed.problems) }
  }
}

export function limitIn(values: ParameterValues, otherwise: number): number {
  return typeof values['limit'] === 'number' ? values['limit'] : otherwise
}
