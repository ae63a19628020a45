// SPDX-License-Identifier: Apache-2.0
import type { Level } from '../../core/row.ts'
import type { Fasten } from '../engine.ts'
import { currentFasten } from '../init.ts'
import { lineIds } from './line-ids.ts'

/** What of a pino logger the bridge touches. */
interface PinoLike {
  bindings?(): Record<string, unknown>
}

/** Options to give to `pino({...})`, or to merge into yours. */
export interface PinoBridge {
  readonly mixin: () => Record<string, string>
  readonly hooks: {
    logMethod(this: PinoLike, args: unknown[], method: (...args: never[]) => void, level: number): void
  }
}

/**
 * Makes an existing pino logger part of the story: each line it prints carries `request_id` (and `trace_id`, if there is one), and is
 * recorded in the sys stream. What pino prints, and where, stays as it is.
 *
 * @example const logger = pino(pinoBridge())
 */
export function pinoBridge(options: { readonly fasten?: Fasten } = {}): PinoBridge {
  return {
    mixin() {
      const { request_id, trace_id } = lineIds()
      return {
        ...(request_id === undefined ? {} : { request_id }),
        ...(trace_id === undefined ? {} : { trace_id }),
      }
    },
    hooks: {
      logMethod(args, method, level) {
        method.apply(this as never, args as never[])
        const fasten = options.fasten ?? currentFasten()
        if (!fasten) return
        const { name, pid: _pid, hostname: _hostname, ...bindings } = this.bindings?.() ?? {}
        const line = lineOf(args)
        fasten.recordLog({
          level: levelOf(level),
          event: line.event,
          fields: { ...bindings, ...line.fields },
          logger: typeof name === 'string' ? name : undefined,
        })
      },
    },
  }
}

/** pino's numbers: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal; own levels lie between. */
function levelOf(level: number): Level {
  if (level < 30) return 'debug'
  if (level < 40) return 'info'
  if (level < 50) return 'warn'
  return level < 60 ? 'error' : 'fatal'
}

/** pino takes `(fields, message?, ...values)`, `(error, message?)` or `(message, ...values)`. */
function lineOf(args: readonly unknown[]): { event: string; fields: object } {
  const [first, second, ...rest] = args
  if (typeof first === 'string') return { event: first, fields: values(args.slice(1)) }
  const fields =
    first instanceof Error ? { err: first } : typeof first === 'object' && first !== null ? first : {}
  const own = 'msg' in fields && typeof fields.msg === 'string' ? fields.msg : undefined
  const event =
    typeof second === 'string' ? second : (own ?? (first instanceof Error ? first.message : 'log'))
  return { event, fields: { ...fields, ...values(rest) } }
}

/** Values pino would interpolate into the message; kept as they are, because a sentence cannot be queried. */
const values = (rest: readonly unknown[]): object => (rest.length === 0 ? {} : { values: rest })
