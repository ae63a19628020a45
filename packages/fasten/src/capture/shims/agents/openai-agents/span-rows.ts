// SPDX-License-Identifier: Apache-2.0
import type { Agents } from '../agents.ts'
import type { OpenDelegation } from '../hand-overs.ts'
import type { OpenModel, OpenTool } from '../recorder.ts'
import { failureInSpan, memberOf, toolCallsIn, usageIn, type SpanLike } from './span.ts'

/** What is known of a span while it is open. */
interface SpanState {
  /** The agent at work. */
  readonly agent: string | undefined
  /** The row that what happens in it is caused by; undefined leaves it to the context. */
  cause: string | undefined
  end?: (span: SpanLike) => void
}

/**
 * Rows of what the spans of the OpenAI Agents SDK tell: models that were asked, agents that others handed over to, guardrails. Each is caused by the row of the
 * span around it, and what an agent does after a handoff by the row of the handoff.
 */
export interface SpanRows {
  started(span: SpanLike): void
  ended(span: SpanLike): void
  traceEnded(traceId: string): void
  /** The agent at work in the span, and the row around it. */
  around(span: SpanLike | null): { readonly agent?: string; readonly causedBy?: string }
  /** A tool runs in this span: what happens in it is caused by the row; `ended` ends it with the span. */
  toolIn(span: SpanLike, open: OpenTool): { ended(result: unknown): void }
}

export function createSpanRows(agents: () => Agents): SpanRows {
  const states = new Map<string, SpanState>()
  /** By trace: the agent that was handed over to, and the row of it. */
  const handedOver = new Map<string, { readonly to: string; readonly row: string | undefined }>()

  const stateOf = (span: SpanLike | null): SpanState | undefined => {
    const own = span === null ? undefined : states.get(span.spanId)
    return own ?? (span?.parentId === null || span === null ? undefined : states.get(span.parentId))
  }
  const aboutOf = (
    state: SpanState | undefined,
  ): { readonly agent?: string; readonly causedBy?: string } => ({
    ...(state?.agent === undefined ? {} : { agent: state.agent }),
    ...(state?.cause === undefined ? {} : { causedBy: state.cause }),
  })

  return {
    around: (span) => aboutOf(stateOf(span)),
    started(span) {
      const parent = span.parentId === null ? undefined : states.get(span.parentId)
      const { spanData: data } = span
      const about = aboutOf(parent)
      const { recorder } = agents()
      const state: SpanState = { agent: parent?.agent, cause: parent?.cause }
      states.set(span.spanId, state)
      switch (data.type) {
        case 'agent': {
          const { name } = data
          const handed = handedOver.get(span.traceId)
          const cause = handed !== undefined && handed.to === name ? handed.row : parent?.cause
          states.set(span.spanId, { agent: typeof name === 'string' ? name : parent?.agent, cause })
          return
        }
        case 'response':
        case 'generation': {
          const open = recorder.startModel({
            ...about,
            operation: data.type === 'response' ? 'responses' : 'chat',
            provider: 'openai',
          })
          state.cause = open.id
          state.end = (ended) => endModel(open, ended)
          return
        }
        case 'handoff': {
          // Whom the agent hands over to is known when it has.
          const open = startHandoff(about)
          state.end = (ended) => {
            const { to_agent: to } = ended.spanData
            if (typeof to !== 'string') return
            const row = open(to)
            handedOver.set(ended.traceId, { to, row: row.id })
            const failure = failureInSpan(ended)
            if (failure === undefined) row.succeeded()
            else row.failed(failure)
          }
          return
        }
        case 'guardrail': {
          const open = recorder.startTool({ ...about, tool: `guardrail:${String(data.name)}` })
          state.cause = open.id
          state.end = (ended) => {
            const failure = failureInSpan(ended)
            if (failure === undefined) open.succeeded({ triggered: ended.spanData['triggered'] === true })
            else open.failed(failure)
          }
          return
        }
        default:
      }
    },
    ended(span) {
      const state = states.get(span.spanId)
      states.delete(span.spanId)
      state?.end?.(span)
    },
    traceEnded: (traceId) => void handedOver.delete(traceId),
    toolIn(span, open) {
      const state = states.get(span.spanId)
      let result: unknown
      const end = (failure: Error | undefined): void =>
        failure === undefined ? open.succeeded(result) : open.failed(failure)
      if (state === undefined) return { ended: (value) => ((result = value), end(undefined)) }
      state.cause = open.id
      state.end = (ended) => end(failureInSpan(ended))
      return { ended: (value) => void (result = value) }
    },
  }

  function startHandoff(about: {
    readonly causedBy?: string
    readonly agent?: string
  }): (to: string) => OpenDelegation {
    const { recorder } = agents()
    return (to) => recorder.startDelegation(to, about.causedBy, about.agent)
  }

  function endModel(open: OpenModel, span: SpanLike): void {
    const { spanData: data } = span
    // The Responses API's answer, or that of Chat Completions.
    const response =
      data['_response'] ?? (Array.isArray(data['output']) ? (data['output'] as unknown[])[0] : undefined)
    for (const { id, name, args } of toolCallsIn(response)) open.asked(id, name, args)
    const model = memberOf(response, 'model') ?? data['model']
    const ref = memberOf(response, 'id') ?? data['response_id']
    const end = {
      usage: usageIn(memberOf(response, 'usage') ?? data['usage']),
      ...(typeof model === 'string' ? { model } : {}),
      ...(typeof ref === 'string' ? { callRef: ref } : {}),
    }
    const failure = failureInSpan(span)
    if (failure === undefined) open.succeeded(end)
    else open.failed(failure, end)
  }
}
