// SPDX-License-Identifier: Apache-2.0
import { readJson } from '../../../../core/read-json.ts'
import { currentContext, runWithContext, type RequestContext } from '../../../context.ts'
import { mintID } from '../../../request-id.ts'
import type { Agents } from '../agents.ts'
import { defaultAgents } from '../default-agents.ts'
import { isThenable } from '../when-done.ts'
import { toolCallOf, type ToolOptions } from '../wrap-tool.ts'
import { memberOf, type SpanLike } from './span.ts'
import { createSpanRows, type SpanRows } from './span-rows.ts'

/** What is needed of `@openai/agents`; hand in the whole module: `import * as sdk from '@openai/agents'`. */
export interface OpenAIAgentsSdk {
  addTraceProcessor(processor: never): void
  getCurrentSpan(): unknown
  readonly Agent: { readonly prototype: object }
  readonly Runner: { readonly prototype: object }
  readonly RunContext: { readonly prototype: object }
}

export interface OpenAIAgentsOptions {
  /** Whose recorder and defaults hold. Default: those of the process (`configureAgents`), asked at each call. */
  readonly agents?: Agents
  /** What is said and kept of each tool, over the defaults of `agents`. */
  readonly tools?: ToolOptions | ((tool: string) => ToolOptions)
  /** Who decided an approval that is given or refused here. Default: the person of the work in progress, or `unknown`. */
  readonly decidedBy?: (context: RequestContext | undefined) => string
}

type Method = (this: unknown, ...args: unknown[]) => unknown

const instrumented = new WeakMap<object, () => void>()

/**
 * From now on runs of the SDK leave rows: models, tools (functions and those of MCP servers, each run caused by its row), handoffs, guardrails and
 * approvals, in one tree under the request the run belongs to, or an id of its own. Nothing is sent anywhere; the SDK's own exporter stays as it is. Idempotent;
 * answers the function that undoes it. Models are told by the SDK's tracing, so a run with `tracingDisabled` has rows of its tools and approvals only.
 */
export function instrumentOpenAIAgents(sdk: OpenAIAgentsSdk, options: OpenAIAgentsOptions = {}): () => void {
  for (const name of ['Agent', 'Runner', 'RunContext'] as const)
    if (typeof sdk?.[name]?.prototype !== 'object')
      throw new TypeError('sdk: give the module, as in import * as sdk from "@openai/agents"')
  const already = instrumented.get(sdk.Agent)
  if (already !== undefined) return already
  const agents = (): Agents => options.agents ?? defaultAgents()
  const rows = createSpanRows(agents)
  let isOn = true
  const approvals = new Map<string, { readonly request: string | undefined; granted?: string | undefined }>()
  sdk.addTraceProcessor(processorOf(rows, () => isOn) as never)

  const restores = [
    patch(
      sdk.Runner.prototype,
      'run',
      (run) =>
        function (...args) {
          const go = (): unknown => {
            const running = Reflect.apply(run, this, args)
            if (isThenable(running)) void running.then(tellPending, () => {})
            return running
          }
          return currentContext() === undefined ? runWithContext({ request_id: mintID() }, go) : go()
        },
    ),
    patch(
      sdk.Agent.prototype,
      'getAllTools',
      (getAllTools) =>
        async function (...args) {
          const tools = await Reflect.apply(getAllTools, this, args)
          if (Array.isArray(tools)) for (const tool of tools as unknown[]) recordTool(tool)
          return tools
        },
    ),
    patch(
      sdk.RunContext.prototype,
      'approveTool',
      (approve) =>
        function (item, ...rest) {
          const result = Reflect.apply(approve, this, [item, ...rest])
          decided('approvalGranted', item)
          return result
        },
    ),
    patch(
      sdk.RunContext.prototype,
      'rejectTool',
      (reject) =>
        function (item, ...rest) {
          const result = Reflect.apply(reject, this, [item, ...rest])
          decided('approvalDenied', item, memberOf(rest[0], 'message'))
          return result
        },
    ),
  ]
  const undo = (): void => {
    isOn = false
    instrumented.delete(sdk.Agent)
    for (const restore of restores) restore()
  }
  instrumented.set(sdk.Agent, undo)
  return undo

  function recordTool(tool: unknown): void {
    if (memberOf(tool, 'type') !== 'function' || wrapped.has(tool as object)) return
    wrapped.add(tool as object)
    const named = tool as { readonly name: string; invoke: Method }
    const { invoke } = named
    named.invoke = function (this: unknown, ...args) {
      if (!isOn) return Reflect.apply(invoke, this, args)
      const span = spanNow()
      const { tools = {} } = options
      const said = typeof tools === 'function' ? tools(named.name) : tools
      const { recorder, toolDefaults } = agents()
      const callRef = memberOf(memberOf(args[2], 'toolCall'), 'callId')
      // The model call that asked for it is the cause, where that is known; the recorder sees to it.
      const isAsked = typeof callRef === 'string' && recorder.askedFor(callRef) !== undefined
      const granted = typeof callRef === 'string' ? approvals.get(callRef)?.granted : undefined
      const open = recorder.startTool({
        ...toolCallOf(named.name, { ...toolDefaults, ...said }),
        args: parsed(args[1]),
        ...(typeof callRef === 'string' ? { callRef } : {}),
        ...(granted === undefined ? {} : { approvedBy: granted }),
        ...(isAsked ? agentOnly(rows.around(span)) : rows.around(span)),
      })
      if (span === null)
        return ended(
          open.within(() => Reflect.apply(invoke, this, args)),
          open.succeeded,
          open.failed,
        )
      const ending = rows.toolIn(span, open)
      return ended(
        open.within(() => Reflect.apply(invoke, this, args)),
        ending.ended,
        open.failed,
      )
    }
  }

  function spanNow(): SpanLike | null {
    return sdk.getCurrentSpan() as SpanLike | null
  }

  /** A run that stopped to ask whether its tools may be used; a streamed one stops when it has been read. */
  function tellPending(result: unknown): void {
    const streaming = memberOf(result, 'completed')
    if (!isThenable(streaming)) return tell(memberOf(result, 'interruptions'))
    void streaming.then(
      () => tell(memberOf(result, 'interruptions')),
      () => {},
    )
  }

  function tell(interruptions: unknown): void {
    if (!isOn || !Array.isArray(interruptions)) return
    for (const item of interruptions as unknown[]) {
      const { callRef, ...call } = approvalOf(item)
      // A run that goes on before everything is decided asks again.
      if (callRef === undefined || approvals.has(callRef)) continue
      const { id } = agents().recorder.approvalRequested({ ...call, callRef })
      if (approvals.size >= approvalsMax)
        for (const oldest of approvals.keys().take(1)) approvals.delete(oldest)
      approvals.set(callRef, { request: id })
    }
  }

  function decided(what: 'approvalGranted' | 'approvalDenied', item: unknown, reason?: unknown): void {
    if (!isOn) return
    const { callRef, tool, args } = approvalOf(item)
    const { recorder } = agents()
    const context = currentContext()
    const person = context?.on_behalf_of ?? (context?.actor_kind === 'agent' ? undefined : context?.actor)
    const known = callRef === undefined ? undefined : approvals.get(callRef)
    const id = recorder[what]({
      tool,
      argsHash: recorder.digest(args),
      by: options.decidedBy?.(context) ?? person ?? 'unknown',
      ...(callRef === undefined ? {} : { callRef }),
      ...(typeof reason === 'string' ? { reason } : {}),
      ...(known?.request === undefined ? {} : { request: known.request }),
    })
    if (known !== undefined && what === 'approvalGranted') known.granted = id
  }
}

/** Approvals that are remembered at once; the oldest are forgotten first. */
const approvalsMax = 10_000

const wrapped = new WeakSet<object>()

function ended(
  running: unknown,
  succeeded: (result: unknown) => void,
  failed: (error: unknown) => void,
): unknown {
  if (!isThenable(running)) {
    succeeded(running)
    return running
  }
  return running.then(
    (result) => {
      succeeded(result)
      return result
    },
    (error: unknown) => {
      failed(error)
      throw error
    },
  )
}

function agentOnly({ agent }: { readonly agent?: string }): { readonly agent?: string } {
  return agent === undefined ? {} : { agent }
}

function approvalOf(item: unknown): {
  readonly tool: string
  readonly callRef?: string
  readonly args: unknown
  readonly agent?: string
} {
  const raw = memberOf(item, 'rawItem')
  const callRef = memberOf(raw, 'callId') ?? memberOf(raw, 'id')
  const agent = memberOf(memberOf(item, 'agent'), 'name')
  return {
    tool: String(memberOf(item, 'toolName') ?? memberOf(raw, 'name')),
    args: parsed(memberOf(raw, 'arguments')),
    ...(typeof callRef === 'string' ? { callRef } : {}),
    ...(typeof agent === 'string' ? { agent } : {}),
  }
}

/** Arguments are JSON text, and rows digest what it says. */
function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return text
  try {
    return readJson(text)
  } catch {
    // A tool that takes plain text, or a model that writes bad JSON.
    return text
  }
}

function patch(target: object, name: string, around: (method: Method) => Method): () => void {
  const methods = target as Record<string, Method>
  const own = Object.getOwnPropertyDescriptor(target, name)
  const method = methods[name]
  if (typeof method !== 'function') throw new TypeError(`sdk: it has no ${name}()`)
  const ours = around(method)
  Object.defineProperty(target, name, { configurable: true, writable: true, enumerable: false, value: ours })
  return () => {
    if (methods[name] !== ours) return
    if (own === undefined) delete methods[name]
    else Object.defineProperty(target, name, own)
  }
}

function processorOf(rows: SpanRows, isOn: () => boolean) {
  const nothing = async (): Promise<void> => {}
  return {
    onTraceStart: nothing,
    async onTraceEnd({ traceId }: { readonly traceId: string }) {
      rows.traceEnded(traceId)
    },
    async onSpanStart(span: SpanLike) {
      if (isOn()) rows.started(span)
    },
    async onSpanEnd(span: SpanLike) {
      rows.ended(span)
    },
    shutdown: nothing,
    forceFlush: nothing,
  }
}
