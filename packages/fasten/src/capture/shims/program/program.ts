// SPDX-License-Identifier: Apache-2.0
import { userInfo } from 'node:os'
import { currentFasten, flush, log, startWhereToldTo } from '../../init.ts'
import type { Fasten } from '../../engine.ts'
import { runWithContext, type RequestContext } from '../../context.ts'
import { mintID } from '../../request-id.ts'
import { errorName } from '../http/failure.ts'
import { startContext } from '../process/environment.ts'

/** What a program needs of an instance; any `Fasten` is one. */
export type ProgramRecorder = Pick<Fasten, 'log' | 'flush'>

export interface ProgramOptions {
  /** Where rows go: an instance, or a function asked when one is written. Default: the process's own instance, once there is one. */
  readonly fasten?: ProgramRecorder | (() => ProgramRecorder | undefined)
  /** Who runs it. Default: the user of the operating system, where it knows one. */
  readonly actor?: string
  /** How long the end waits for rows to be stored, in ms. Default that of the instance. What is not stored by then is in the spool. */
  readonly flushTimeoutMs?: number
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs the `main` of a command-line program as one piece of work: under the ids its parent process gave it (FASTEN_REQUEST_ID, TRACEPARENT …) or an id
 * of its own, `method` cli, with the user of the operating system as the actor. Leaves the sys rows `program_started` and `program_ended`, also when the
 * program exits by itself or a signal ends it, and waits for rows to be stored. A number that `main` answers becomes the exit code; what it throws is
 * thrown on. Keeps no argument.
 *
 * Where fasten is not started yet, it is if `FASTEN_AUDIT_DSN` says where rows go, and throws what `init` throws. A `main` that starts it
 * itself, with what its arguments say, gets the row of the start then. Where nobody has by the end, the program has run all the same, and a process warning
 * `FASTEN_NO_STORE` says that it left no rows. Prints nothing else.
 */
export async function program(
  name: string,
  main: (args: readonly string[]) => unknown,
  options: ProgramOptions = {},
): Promise<void> {
  if (typeof name !== 'string' || name === '') throw new TypeError('name: say how the program is called')
  if (typeof main !== 'function') throw new TypeError('main: give a function of (args)')
  const { fasten = ownRecorder, flushTimeoutMs } = options
  if (options.fasten === undefined) startWhereToldTo()
  const recorder = (): ProgramRecorder | undefined => (typeof fasten === 'function' ? fasten() : fasten)
  const context = contextOfProgram(options.actor)
  const startedAt = performance.now()
  let isEnded = false
  const end = (fields: Readonly<Record<string, unknown>>): void => {
    if (isEnded) return
    isEnded = true
    const logger = recorder()?.log
    const level = fields['exit_code'] === 0 ? 'info' : 'error'
    const duration_ms = Math.round(performance.now() - startedAt)
    runWithContext(context, () => logger?.[level]('program_ended', { program: name, ...fields, duration_ms }))
    if (options.fasten === undefined && currentFasten() === undefined) warnOfNoStore(name)
  }
  const unwatch = watchEnd(end, async () => recorder()?.flush(flushTimeoutMs))
  return runWithContext(context, async () => {
    recorder()?.log.info('program_started', { program: name })
    try {
      const result = await main(process.argv.slice(2))
      if (typeof result === 'number') process.exitCode = result
      end({ exit_code: Number(process.exitCode ?? 0) })
    } catch (failure) {
      end({ exit_code: 1, error: errorName(failure) })
      throw failure
    } finally {
      unwatch()
      await recorder()?.flush(flushTimeoutMs)
    }
  })
}

/** Until somebody starts fasten, its logger keeps what it is told. */
const ownRecorder = (): ProgramRecorder => ({ log, flush })

/** At once, because a program that calls `process.exit` has no next turn. */
function warnOfNoStore(name: string): void {
  const warning = new TypeError(
    `${name} left no rows: nobody called fasten.init(), and FASTEN_AUDIT_DSN does not say where they go`,
  )
  process.emit('warning', Object.assign(warning, { name: 'FastenWarning', code: 'FASTEN_NO_STORE' }))
}

function contextOfProgram(given: string | undefined): RequestContext {
  const actor = given ?? systemUser()
  return {
    request_id: mintID(),
    ...startContext(),
    method: 'cli',
    ...(actor === undefined ? {} : { actor, actor_kind: 'user' }),
  }
}

function systemUser(): string | undefined {
  try {
    return userInfo().username || undefined
  } catch {
    // A container may run under a number that no user has.
    return undefined
  }
}

/** Says how the program ended when that is not decided by its `main`. */
function watchEnd(
  end: (fields: Readonly<Record<string, unknown>>) => void,
  store: () => Promise<unknown>,
): () => void {
  // Ahead of the listeners of an instance, which write out what is there then.
  const onExit = (code: number): void => end({ exit_code: code })
  process.prependListener('exit', onExit)
  const undos = signals.map((signal) => {
    const onSignal = (): void => {
      // An application that listens itself decides what the signal means; so does an instance, which ends the process when it is done.
      const isOurs = process.listenerCount(signal) === 0
      end({ signal })
      if (isOurs) void store().finally(() => process.kill(process.pid, signal))
    }
    // Taken out before it is called, so that the instance does not count it as the application's.
    process.prependOnceListener(signal, onSignal)
    return () => process.off(signal, onSignal)
  })
  return () => {
    process.off('exit', onExit)
    for (const undo of undos) undo()
  }
}
