// SPDX-License-Identifier: Apache-2.0
import type { Outcome } from '../../../core/row.ts'
import { currentContext, runWithContext, type RequestContext } from '../../context.ts'
import type { AnyEmitInput, Fasten } from '../../engine.ts'
import { currentFasten } from '../../init.ts'
import { mintID } from '../../request-id.ts'
import { agentCodes, agentDomain, type AgentCode } from './agent-codes.ts'
import { createDigest, type DigestOf } from './digest.ts'
import { createApprovalRefs } from './approval-refs.ts'
import { failureOf } from './failure.ts'
import type { PriceTable, TokenUsage } from './prices/price-table.ts'
import { recordedValue, type ValuePolicy } from './recorded-value.ts'
import {
  argsText,
  createLooseCalls,
  currentGrant,
  currentRun,
  runWithin,
  underGrant,
  withinTool,
  type AskedCall,
} from './run.ts'

/** What the recorder needs of an instance; any `Fasten` is one. */
export type AgentInstance = Pick<Fasten, 'emit' | 'reserve' | 'register' | 'metaOf'>

export interface RecorderOptions {
  /** Where rows go: an instance, or a function asked at each call. Default: the process's own instance. */
  readonly fasten?: AgentInstance | (() => AgentInstance | undefined)
  /** What tokens cost. Default: nothing is known, and rows say so. */
  readonly prices?: PriceTable
  /** Digests are made with this key (HMAC); at least 16 bytes. Default: plain SHA-256, which anybody can check and try out. */
  readonly digestKey?: Uint8Array
  /** The actor of calls that no `agent()` makes. Default `agent`. */
  readonly agent?: string
}

/** Something that has begun and gets its row when it ends. Each ends once; what is said after that is ignored. */
export interface OpenRow {
  /** The id that the row will have; undefined while fasten is not started. */
  readonly id: string | undefined
  /** Runs `work` as caused by this row. Returns, throws, resolves and rejects as `work` does. */
  within<T>(work: () => T): T
}

export interface ToolCall {
  readonly tool: string
  readonly args?: unknown
  /** The provider's id of the call. */
  readonly callRef?: string
  /** Whoever calls is not told the provider's id: it is the first call of that name with those arguments that a model of this run asked for. */
  readonly isUnnamed?: boolean
  /** The row that asked for it. Default: the model call that asked for `callRef`, else what caused the work in progress. */
  readonly causedBy?: string
  readonly agent?: string
  readonly risk?: string
  /** The server that has the tool, and how it is reached. */
  readonly server?: string
  readonly transport?: string
  /** The row that granted it. */
  readonly approvedBy?: string
  /** Defaults `hash`. */
  readonly policies?: { readonly args?: ValuePolicy; readonly result?: ValuePolicy }
}

export interface OpenTool extends OpenRow {
  succeeded(result?: unknown, more?: ToolEnd): void
  failed(error: unknown, more?: ToolEnd): void
}

export interface ToolEnd {
  /** The caller stopped listening before the tool had ended. */
  readonly endedEarly?: boolean
  /** Values of a tool that answers in parts. */
  readonly yields?: number
  /** It has not answered yet: it wants to know something first, and is called again when it is told. */
  readonly isInputRequired?: boolean
}

export interface ModelCall {
  /** The model that is asked, as its provider names it; where only the answer tells, leave it out. */
  readonly model?: string
  readonly provider?: string
  /** `chat`, `responses`, `embeddings`, … */
  readonly operation?: string
  readonly causedBy?: string
  readonly agent?: string
  readonly isStreamed?: boolean
  /** 1 unless the client has tried before; each try is a call of its own. */
  readonly attempt?: number
  readonly input?: unknown
  /** Defaults `none`: what was said is not recorded, not even as a digest. */
  readonly policies?: { readonly input?: ValuePolicy; readonly output?: ValuePolicy }
}

export interface ModelEnd {
  /** The model that answered. */
  readonly model?: string | undefined
  /** The provider's id of the answer. */
  readonly callRef?: string | undefined
  /** Undefined where the answer did not say. */
  readonly usage?: TokenUsage | undefined
  readonly finishReason?: string | undefined
  readonly output?: unknown
  /** The caller stopped listening before the answer had ended. */
  readonly isAborted?: boolean
}

export interface OpenModel extends OpenRow {
  /** The first part of a streamed answer is there; later ones change nothing. */
  firstOutput(): void
  /** The answer asks for a tool: what is run for `callRef` is caused by this row. */
  asked(callRef: string, tool: string, args?: unknown): void
  succeeded(end?: ModelEnd): void
  failed(error: unknown, end?: ModelEnd): void
}

export interface OpenDelegation extends OpenRow {
  succeeded(): void
  failed(error: unknown): void
}

export interface ApprovalRequest {
  readonly tool: string
  readonly args?: unknown
  readonly callRef?: string
  readonly causedBy?: string
  readonly agent?: string
  readonly reason?: string
  /** Default `hash`. */
  readonly policy?: ValuePolicy
}

export interface ApprovalDecision {
  readonly tool: string
  /** Who decided. */
  readonly by: string
  readonly reason?: string
  readonly callRef?: string
  /** The row of the request. */
  readonly request?: string
  readonly argsHash?: string
  readonly waitedMs?: number
}

/**
 * Writes the rows of agents. Every wrapper of a library and every function of this door goes through it; use it for whatever has none. No method throws
 * for the recorder's own sake, and none emits anything while fasten is not started.
 */
export interface AgentRecorder {
  startTool(call: ToolCall): OpenTool
  startModel(call: ModelCall): OpenModel
  /** The current agent, or `agent`, hands work to `to`; run it with `within`, or send the ids along (fasten/carrier). */
  startDelegation(to: string, causedBy?: string, agent?: string): OpenDelegation
  /** Answers the row's id and the digest of the arguments. */
  approvalRequested(request: ApprovalRequest): { readonly id: string | undefined; readonly argsHash: string }
  /** Answers the row's id. */
  approvalGranted(decision: ApprovalDecision): string | undefined
  approvalDenied(decision: ApprovalDecision): string | undefined
  /** The model call that asked for this tool call, as far as is known here. */
  askedFor(callRef: string): AskedCall | undefined
  readonly digest: DigestOf
}

/** A recorder. Throws a `TypeError` for an option that cannot be. */
export function createAgentRecorder(options: RecorderOptions = {}): AgentRecorder {
  const { fasten: given = currentFasten, prices, agent: fallbackAgent = 'agent' } = options
  const instance = typeof given === 'function' ? given : () => given
  const digest = createDigest(options.digestKey)
  const loose = createLooseCalls()
  const approvals = createApprovalRefs()
  const ready = new WeakSet<AgentInstance>()
  let isWarned = false

  const askedFor = (callRef: string): AskedCall | undefined =>
    currentRun()?.asked.find(callRef) ?? loose.find(callRef)

  return {
    digest,
    askedFor,
    startTool(call) {
      const { tool, policies = {} } = call
      const claimed =
        call.isUnnamed === true && call.callRef === undefined
          ? currentRun()?.asked.claim(tool, call.args)
          : undefined
      const callRef = call.callRef ?? claimed?.callRef
      const asked = claimed?.asked ?? (callRef === undefined ? undefined : askedFor(callRef))
      // A call that is named is not left for one that is not.
      if (asked !== undefined) asked.isClaimed = true
      const open = begin(call.causedBy ?? asked?.row, asked)
      const { hash: args_hash, value } = recordedValue(call.args, policies.args ?? 'hash', digest)
      const known = {
        tool,
        risk: call.risk ?? 'unrated',
        args_hash,
        ...present({
          arguments: value,
          server: call.server,
          transport: call.transport,
          approved_by: call.approvedBy ?? approvals.grantOf(callRef) ?? currentGrant(),
        }),
      }
      const anchors = { target: tool, target_kind: 'tool', ...present({ call_ref: callRef }) }
      const partly = ({ endedEarly, yields, isInputRequired }: ToolEnd): object =>
        present({ ended_early: endedEarly, yields, input_required: isInputRequired })
      return {
        id: open.row.id,
        within: (work) => open.row.within(() => withinTool(tool, callRef, () => underGrant(undefined, work))),
        succeeded: (result, more = {}) =>
          open.end(() => {
            const kept = recordedValue(result, policies.result ?? 'hash', digest)
            const detail = {
              ...known,
              result_hash: kept.hash,
              ...present({ result: kept.value }),
              ...partly(more),
            }
            emit(open, 'TOOL_CALLED', 'success', call.agent, { ...anchors, detail })
          }),
        failed: (error, more = {}) =>
          open.end(() => {
            const detail = { ...known, ...failureOf(error, digest), ...partly(more) }
            emit(open, 'TOOL_FAILED', 'failure', call.agent, { ...anchors, detail })
          }),
      }
    },

    startModel(call) {
      const { model, policies = {} } = call
      const run = currentRun()
      const open = begin(call.causedBy)
      const input = recordedValue(call.input, policies.input ?? 'none', digest)
      let first_output_ms: number | undefined
      let tools = 0
      const end = (outcome: Outcome, facts: ModelEnd, failure: object): void =>
        open.end(() => {
          const answered = facts.model ?? model ?? 'unknown'
          const output = recordedValue(facts.output, policies.output ?? 'none', digest)
          emit(open, 'MODEL_CALLED', outcome, call.agent, {
            target: answered,
            target_kind: 'model',
            ...present({ call_ref: facts.callRef }),
            detail: {
              model: answered,
              ...present({
                model_requested: answered === model ? undefined : model,
                provider: call.provider,
                operation: call.operation,
                first_output_ms,
                is_streamed: call.isStreamed,
                is_aborted: facts.isAborted,
                attempt: call.attempt === 1 ? undefined : call.attempt,
                finish_reason: facts.finishReason,
                tools_asked: tools === 0 ? undefined : tools,
                input_hash:
                  input.value === undefined && policies.input === undefined ? undefined : input.hash,
                // Of an answer that was not seen, or was too long, there is no digest.
                output_hash:
                  policies.output === undefined || facts.output === undefined ? undefined : output.hash,
                input: input.value,
                output: facts.output === undefined ? undefined : output.value,
              }),
              ...usageMembers(facts.usage),
              ...costMembers(call.provider, answered, model ?? answered, facts.usage),
              ...failure,
            },
          })
        })
      return {
        ...open.row,
        firstOutput: () => void (first_output_ms ??= open.elapsedMs()),
        asked(callRef, tool, args) {
          tools++
          const { id } = open.row
          if (id === undefined) return
          const asked = { row: id, tool, argsText: argsText(args), context: open.context, isClaimed: false }
          if (run === undefined) loose.note(callRef, asked)
          else run.asked.note(callRef, asked)
        },
        succeeded: (facts = {}) => end('success', facts, {}),
        failed: (error, facts = {}) => end('failure', facts, failureOf(error, digest)),
      }
    },

    startDelegation(to, causedBy, agent) {
      const open = begin(causedBy)
      const end = (outcome: Outcome, failure: object): void =>
        open.end(() =>
          emit(open, 'AGENT_DELEGATED', outcome, agent, {
            target: to,
            target_kind: 'agent',
            detail: { to, ...failure },
          }),
        )
      return {
        ...open.row,
        succeeded: () => end('success', {}),
        failed: (error) => end('failure', failureOf(error, digest)),
      }
    },

    approvalRequested(request) {
      const { tool, callRef, reason } = request
      const asked = callRef === undefined ? undefined : askedFor(callRef)
      const open = begin(request.causedBy ?? asked?.row, asked)
      // Asked without arguments, it is about the call, whatever they are; that is not the digest of nothing.
      const policy = Object.hasOwn(request, 'args') ? (request.policy ?? 'hash') : 'none'
      const { hash: argsHash, value } = recordedValue(request.args, policy, digest)
      open.end(() =>
        emit(open, 'APPROVAL_REQUESTED', 'success', request.agent, {
          target: tool,
          target_kind: 'tool',
          ...present({ call_ref: callRef, reason }),
          detail: { tool, args_hash: argsHash, ...present({ arguments: value }) },
        }),
      )
      approvals.requested(callRef, open.row.id)
      return { id: open.row.id, argsHash }
    },
    approvalGranted: (decision) => decided('APPROVAL_GRANTED', 'success', decision),
    approvalDenied: (decision) => decided('APPROVAL_DENIED', 'denied', decision),
  }

  function decided(code: AgentCode, outcome: Outcome, decision: ApprovalDecision): string | undefined {
    const { tool, by, callRef, reason, request, argsHash, waitedMs } = decision
    const open = begin(request ?? approvals.requestOf(callRef))
    open.end(() =>
      emit(open, code, outcome, undefined, {
        actor: by,
        actor_kind: 'user',
        target: tool,
        target_kind: 'tool',
        ...present({ call_ref: callRef, reason }),
        detail: { tool, ...present({ args_hash: argsHash, waited_ms: waitedMs }) },
      }),
    )
    if (code === 'APPROVAL_GRANTED') approvals.granted(callRef, open.row.id)
    return open.row.id
  }

  /** Notes where and when something begins. `asked` tells of a model call: outside of any request the tool belongs to that one's. */
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

  function costMembers(
    provider: string | undefined,
    answered: string,
    asked: string,
    usage: TokenUsage | undefined,
  ): object {
    const table = prices === undefined ? {} : { price_table: prices.version }
    if (prices === undefined || usage === undefined) return { cost_unknown: true, ...table }
    const price =
      prices.price({ provider, model: answered, usage }) ?? prices.price({ provider, model: asked, usage })
    const usd = Number(price?.usd ?? Number.NaN)
    return price === undefined || !Number.isFinite(usd)
      ? { cost_unknown: true, ...table }
      : { cost_usd: usd, price_table: price.table }
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

interface Open {
  readonly fasten: AgentInstance | undefined
  readonly context: RequestContext
  readonly causedBy: string | undefined
  readonly reserved: ReturnType<AgentInstance['reserve']> | undefined
  readonly row: OpenRow
  elapsedMs(): number
  end(work: () => void): void
}

function usageMembers(usage: TokenUsage | undefined): object {
  if (usage === undefined) return { usage_unknown: true }
  const { input, output, cached, cacheWrite, reasoning } = usage
  return present({
    input_tokens: input,
    output_tokens: output,
    cached_tokens: cached,
    cache_write_tokens: cacheWrite,
    reasoning_tokens: reasoning,
  })
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
function present<T extends object>(members: T): { [M in keyof T]?: Exclude<T[M], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [M in keyof T]?: Exclude<T[M], undefined>
  }
}
