// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import { createSystemClock } from '../../store/platform.ts'
import { currentContext, runWithContext, type RequestContext } from '../context.ts'
import type { ApiInput, Fasten } from '../engine.ts'
import { currentFasten } from '../init.ts'
import { errorName } from '../shims/http/failure.ts'

/** What message rows need of an instance; any `Fasten` is one. */
export type MessageRecorder = Pick<Fasten, 'recordApi'>

export interface MessageRowOptions {
  /** Where rows go: an instance, or a function asked at each message. Default: the process's own instance. */
  readonly fasten?: MessageRecorder | (() => MessageRecorder | undefined)
  /** Whether each message leaves a row in the api stream. Default false: on a busy broker that is a row for every reading of every sensor. */
  readonly records?: boolean
}

/** What is known when a message sets out or arrives. */
export interface MessageFacts {
  /**
   * `PUBLISH`: we sent it. `DELIVER`: it came to us; `REDELIVER` where the transport says that it may have come before, `RETAINED` where it was
   * kept for whoever asks later. Others: the transport's own word.
   */
  readonly method: 'PUBLISH' | 'DELIVER' | 'REDELIVER' | 'RETAINED' | (string & {})
  /** Topic, subject, queue or channel, as the transport spells it. */
  readonly address: string
  /** The pattern that matched, where one is known. */
  readonly route?: string | undefined
  /** Bytes of the payload: in for what came to us, out for what we sent. */
  readonly bytes_in?: number | undefined
  readonly bytes_out?: number | undefined
}

/** How it ended. Without a failure and a status: well. */
export interface MessageResult {
  /** What was thrown or rejected with. */
  readonly failure?: unknown
  /** Default 200, with a failure 500. */
  readonly status?: number | undefined
  /** Default the class of the failure, or its code where the class says nothing. */
  readonly error?: string | undefined
  readonly route?: string | undefined
}

/** One message on its way. */
export interface MessageRow {
  /** Writes the row. Later calls do nothing. Never throws. */
  end(result?: MessageResult): void
}

/** Begins the row of a message in the work in progress, or in `context`; undefined where none is wanted. */
export type BeginMessageRow = (facts: MessageFacts, context?: RequestContext) => MessageRow | undefined

/**
 * Message rows for a shim: api rows whose `method` says what happened to the message and whose `path` is its address, escaped as
 * a path of HTTP is. `isSkipped` names addresses that leave none. A row whose message is still on its way when the process exits says so (500, `exited`).
 * Throws TypeError for options of the wrong kind.
 */
export function createMessageRows(
  { fasten, records = false }: MessageRowOptions,
  isSkipped: (address: string) => boolean = () => false,
): BeginMessageRow {
  if (typeof records !== 'boolean') throw new TypeError('records: give true or false')
  const recorder = recorderOf(fasten)
  if (!records) return () => undefined
  let isWarned = false
  return (facts, context = currentContext()) => {
    try {
      const instance = isSkipped(facts.address) ? undefined : recorder()
      return instance === undefined ? undefined : beginRow(instance, facts, context)
    } catch (error) {
      // A function of the application's that throws must not cost it the message.
      if (!isWarned)
        process.emitWarning(`a function in "skip" or "fasten" threw: ${String(error)}`, {
          type: 'FastenWarning',
          code: 'FASTEN_MESSAGE_ROW',
        })
      isWarned = true
      return undefined
    }
  }
}

/** Runs `work`, and ends the row as `work` ends. Returns, throws, resolves and rejects as `work` does. */
export function endWith<Result>(row: MessageRow | undefined, work: () => Result): Result {
  if (row === undefined) return work()
  try {
    const result = work()
    if (!(result instanceof Promise)) {
      row.end()
      return result
    }
    // The derived promise takes the place of the other one, so that a rejection nobody handles stays unhandled.
    return result.then(
      (value: unknown) => {
        row.end()
        return value
      },
      (failure: unknown) => {
        row.end({ failure })
        throw failure
      },
    ) as Result
  } catch (failure) {
    row.end({ failure })
    throw failure
  }
}

function recorderOf(given: MessageRowOptions['fasten']): () => MessageRecorder | undefined {
  if (given === undefined) return currentFasten
  if (typeof given === 'function') return given
  if (typeof given !== 'object' || given === null || typeof given.recordApi !== 'function')
    throw new TypeError('fasten: give an instance (from init or createFasten) or a function that returns one')
  return () => given
}

function beginRow(
  recorder: MessageRecorder,
  facts: MessageFacts,
  context: RequestContext | undefined,
): MessageRow {
  const startedAt = clock().monotonicNanos()
  const row: MessageRow = {
    end({ failure, status, error, route = facts.route } = {}) {
      if (!onTheirWay.delete(row)) return
      const duration_us = Number((clock().monotonicNanos() - startedAt) / 1000n)
      const name = error ?? (failure === undefined ? undefined : failureName(failure))
      const input: ApiInput = {
        method: facts.method,
        path: pathOf(facts.address),
        ...(route === undefined ? {} : { route: pathOf(route) }),
        status: status ?? (name === undefined ? 200 : 500),
        duration_us,
        ...(facts.bytes_in === undefined ? {} : { bytes_in: facts.bytes_in }),
        ...(facts.bytes_out === undefined ? {} : { bytes_out: facts.bytes_out }),
        ...(name === undefined ? {} : { error: name }),
      }
      if (context === undefined || context === currentContext()) recorder.recordApi(input)
      else runWithContext(context, () => recorder.recordApi(input))
    },
  }
  watchExit()
  onTheirWay.add(row)
  return row
}

let systemClock: Clock | undefined
const clock = (): Clock => (systemClock ??= createSystemClock())

const onTheirWay = new Set<MessageRow>()
let isWatchingExit = false

/** Ahead of other exit listeners, so that what flushes rows there sees these too. */
function watchExit(): void {
  if (isWatchingExit) return
  isWatchingExit = true
  process.prependListener('exit', () => {
    for (const row of onTheirWay) row.end({ status: 500, error: 'exited' })
  })
}

/** One more than a row keeps, so that what was cut is seen to be. */
const addressCharactersMax = 4_097

/** The address as a path: whatever RFC 3986 does not let stand in one is percent-encoded, so decoding gives the address back. */
function pathOf(address: string): string {
  return address
    .slice(0, addressCharactersMax)
    .toWellFormed()
    .replace(/[^\w.~!$&'()*+,;=:@/-]+/g, encodeURIComponent)
}

/** Many libraries throw plain errors with a telling code. */
function failureName(failure: unknown): string {
  const name = errorName(failure)
  const code: unknown = name === 'Error' ? (failure as { readonly code?: unknown }).code : undefined
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : name
}
