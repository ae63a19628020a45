// SPDX-License-Identifier: Apache-2.0
import type { Outcome } from '../../../core/row.ts'
import { currentFasten } from '../../init.ts'
import { createAgentRows, present, type AgentInstance, type OpenRow } from './agent-rows.ts'
import { createApprovalRefs } from './approval-refs.ts'
import { createDigest, type DigestOf } from './digest.ts'
import { failureOf } from './failure.ts'
import { createHandOvers, type HandOvers } from './hand-overs.ts'
import type { PriceTable, TokenUsage } from './prices/price-table.ts'
import { recordedValue, type ValuePolicy } from './recorded-value.ts'
import {
  argsText,
  createLooseCalls,
  currentGrant,
  currentRun,
  underGrant,
  withinTool,
  type AskedCall,
} from './run.ts'

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

/**
 * Writes the rows of agents. Every wrapper of a library and every function of this door goes through it; use it for whatever has none. No method throws
 * for the recorder's own sake, and none emits anything while fasten is not started.
 */
export interface AgentRecorder extends HandOvers {
  startTool(call: ToolCall): OpenTool
  startModel(call: ModelCall): OpenModel
  /** The model call that asked for this tool call, as far as is known here. */
  askedFor(callRef: string): AskedCall | undefined
  readonly digest: DigestOf
}

/** A recorder. Throws a `TypeError` for an option that cannot be. */
export function createAgentRecorder(options: RecorderOptions = {}): AgentRecorder {
  const { fasten: given = currentFasten, prices, agent = 'agent' } = options
  const instance = typeof given === 'function' ? given : () => given
  const digest = createDigest(options.digestKey)
  const loose = createLooseCalls()
  const approvals = createApprovalRefs()
  const rows = createAgentRows(instance, agent)
  const { begin, emit } = rows

  const askedFor = (callRef: string): AskedCall | undefined =>
    currentRun()?.asked.find(callRef) ?? loose.find(callRef)

  return {
    ...createHandOvers({ rows, approvals, digest, askedFor }),
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
