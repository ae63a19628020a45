// SPDX-License-Identifier: Apache-2.0
import type { Outcome } from '../../../core/row.ts'
import { currentContext, runWithContext, type RequestContext } from '../../context.ts'
import type { AnyEmitInput, Fasten } from '../../engine.ts'
import { mintID } from '../../request-id.ts'
import { agentCodes, agentDomain, type AgentCode } from './agent-codes.ts'
import { currentRun, runWithin, type AskedCall } from './run.ts'

/** What the recorder needs of an instance; any `Fasten` is one. */
export type AgentInstance = Pick<Fasten, 'emit' | 'reserve' | 'register' | 'metaOf'>

/** Something that has begun and gets its row when it ends. Each ends once; what is said after that is ignored. */
export interface OpenRow {
  /** The id that the row will have; undefined while fasten is not started. */
  readonly id: string | undefined
  /** Runs `work` as caused by this row. Returns, throws, resolves and rejects as `work` does. */
  within<T>(work: () => T): T
}

/** How the rows of agents come about, whatever they tell of: something begins, and when it has ended its row is written. */
export interface AgentRows {
  /** Notes where and when something begins. `asked` tells of a model call: outside of any request the tool belongs to that one's. */
  begin(causedBy: string | undefined, asked?: AskedCall): Open
  /** Writes the row of what was begun. Never throws: whoever made the call must get its result, whatever became of the row. */
  emit(
    open: Open,
    code: AgentCode,
    outcome: Outcome,
    agent: string | undefined,
    event: Omit<AnyEmitInput, 'code'>,
  ): void
}

/** Something that has begun. */
export interface Open {
  readonly fasten: AgentInstance | undefined
  readonly context: RequestContext
  readonly causedBy: string | undefined
  readonly reserved: ReturnType<AgentInstance['reserve']> | undefined
  readonly row: OpenRow
  elapsedMs(): number
  /** Does the work of the first call, and says what it could not do; further calls do nothing. */
  end(work: () => void): void
}

/** `instance` is asked at each row; `fallbackAgent` is the actor of what no agent does. */
export function createAgentRows(instance: () => AgentInstance | undefined, fallbackAgent: string): AgentRows {
  const ready = new WeakSet<AgentInstance>()
  let isWarned = false

  return { begin, emit }

  function begin(causedBy: string | undefined, asked?: AskedCall): Open {
    const context = currentContext() ?? asked?.context ?? { request_id: mintID() }
    const fasten = instance()
    const reserved = fasten?.reserve()
    const startedAt = performance.now()
    const run = currentRun()
    let isOpen = true
    const id = reserved?.id
    return {
      fasten,
      context,
      causedBy,
      reserved,
      elapsedMs: () => Math.round((performance.now() - startedAt) * 1000) / 1000,
      row: {
        id,
        within: (work) => {
          const inner = id === undefined ? context : { ...context, caused_by: id }
          return runWithContext(inner, () => runWithin(run, work))
        },
      },
      end(work) {
        if (!isOpen) return
        isOpen = false
        try {
          work()
        } catch (error) {
          complain(error)
        }
      },
    }
  }

  function emit(
    open: Open,
    code: AgentCode,
    outcome: Outcome,
    agent: string | undefined,
    event: Omit<AnyEmitInput, 'code'>,
  ): void {
    const { fasten, context, causedBy, reserved } = open
    if (fasten === undefined || reserved === undefined) return
    try {
      registerCodes(fasten)
      const lasted = code.startsWith('APPROVAL_') ? {} : { latency_ms: open.elapsedMs() }
      const input = {
        code,
        outcome,
        reserved,
        method: 'agent_tool',
        ...whoActs(context, agent),
        ...present({ caused_by: causedBy }),
        ...event,
        detail: { ...withShortTexts(event.detail ?? {}), ...lasted },
      } as const
      runWithContext(context, () => fasten.emit<string>(input))
    } catch (error) {
      complain(error)
    }
  }

  /** The agent, and the person it works for: the one it was told, else the one whose request this is. */
  function whoActs(context: RequestContext, agent: string | undefined): Partial<AnyEmitInput> {
    const isAgent = context.actor_kind === 'agent'
    const person = context.on_behalf_of ?? (isAgent ? undefined : context.actor)
    return {
      actor: agent ?? (isAgent ? context.actor : undefined) ?? fallbackAgent,
      actor_kind: 'agent',
      ...present({ on_behalf_of: person }),
    }
  }

  /** What the application registered itself stays as it is. */
  function registerCodes(fasten: AgentInstance): void {
    if (ready.has(fasten)) return
    const missing = Object.entries(agentCodes).filter(([code]) => fasten.metaOf(code) === undefined)
    if (missing.length > 0) fasten.register(agentDomain, Object.fromEntries(missing))
    ready.add(fasten)
  }

  /** The call has been made: whoever made it must get its result, whatever became of the row. Refused rows are counted in `stats()`. */
  function complain(error: unknown): void {
    if (isWarned) return
    isWarned = true
    process.emitWarning(`a row of an agent could not be recorded: ${String(error)}`, {
      type: 'FastenWarning',
      code: 'FASTEN_AGENT_ROW',
    })
  }
}

/** Characters of one fact of a row, which a server or a model may have chosen. */
const factCharsMax = 256

/** What policies kept of values; it has a limit of its own. */
const kept: ReadonlySet<string> = new Set(['arguments', 'result', 'input', 'output'])

/** One endless name must not cost the row its other facts: a detail that is too large is replaced as a whole. */
function withShortTexts(detail: object): object {
  return Object.fromEntries(
    Object.entries(detail).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'string' && value.length > factCharsMax && !kept.has(name)
        ? `${value.slice(0, factCharsMax - 1).toWellFormed()}…`
        : value,
    ]),
  )
}

/** Without the members that nobody gave. */
export function present<T extends object>(members: T): { [M in keyof T]?: Exclude<T[M], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [M in keyof T]?: Exclude<T[M], undefined>
  }
}
