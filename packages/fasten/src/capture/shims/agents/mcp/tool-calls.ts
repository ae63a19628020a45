// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks'
import { isRequestId } from '../../../../core/ids.ts'
import { currentContext, runWithContext, type RequestContext } from '../../../context.ts'
import { mintID } from '../../../request-id.ts'
import { defaultAgents } from '../default-agents.ts'
import type { Agents } from '../agents.ts'
import type { OpenTool } from '../recorder.ts'
import { currentRun, passOn } from '../run.ts'
import { toolCallOf, type ToolOptions } from '../wrap-tool.ts'
import { metaKey } from './mcp-carrier.ts'
import { isObject, metaOf, paramsOf, type McpMessage } from './message.ts'
import type { CallEnd, CallWatch, WatchedCall } from './tap.ts'

export interface RecordingOptions {
  /**
   * Whether calls of tools leave a row TOOL_CALLED or TOOL_FAILED here. Default: servers record, clients do not. Where both do, the two rows have the same
   * `call_ref`, and the client's is the cause of the server's.
   */
  readonly records?: boolean
  /** Whose recorder and defaults hold. Default: those of the process (`configureAgents`), asked at each call. */
  readonly agents?: Agents
  /** What is said and kept of each tool, over the defaults of `agents`. */
  readonly tools?: ToolOptions | ((tool: string) => ToolOptions)
  /** What rows call the server. Default: its own name. */
  readonly name?: string
}

/** One row for each `tools/call` that a server answers, or does not come to answer. */
export function recordServed(options: RecordingOptions, serverName: () => string | undefined): CallWatch {
  return {
    arrived(message) {
      const tool = toolOf(message)
      if (tool === undefined) return undefined
      const callRef = metaOf(message)[metaKey.call_ref]
      const causedBy = currentContext()?.caused_by
      return watched(
        open(options, serverName, tool, message, {
          // Whoever calls says so; a wrong one misleads about nothing but that caller's own calls.
          ...(typeof callRef === 'string' && isRequestId(callRef) ? { callRef } : {}),
          ...(causedBy === undefined ? {} : { causedBy }),
        }),
      )
    },
  }
}

/**
 * Names each call that a client sends, by the reference that its model or the agent's own row of it has, else by a new one: the server's row has the same, in every round of a call whose
 * tool asks for input. With `records` a row here tells of it as well.
 */
export function watchSent(options: RecordingOptions, serverName: () => string | undefined): CallWatch {
  const goingOn = new AsyncLocalStorage<SentCall>()
  return {
    leaving(message) {
      const tool = toolOf(message)
      if (tool === undefined) return undefined
      const args = paramsOf(message)['arguments']
      const before = goingOn.getStore()
      if (before?.tool === tool && before.args === args) return before.call
      const context = currentContext()
      const passedOn = passOn(tool)
      const asked = passedOn === undefined ? currentRun()?.asked.claim(tool, args) : undefined
      const known = passedOn ?? asked?.callRef
      const callRef = known !== undefined && isRequestId(known) ? known : `mcp-${mintID()}`
      const causedBy = asked?.asked.row ?? context?.caused_by
      const about = { callRef, ...(causedBy === undefined ? {} : { causedBy }) }
      const ending =
        options.records === true
          ? watched(open(options, serverName, tool, message, about), callRef)
          : unrecorded(context, causedBy, callRef)
      const sent: SentCall = {
        tool,
        args,
        call: {
          ...ending,
          answered(response, pass) {
            // The server wants to know something first; the SDK finds out and asks again, and that is the same call.
            if (isInputWanted(response)) return goingOn.run(sent, pass)
            return ending.answered(response, pass)
          },
        },
      }
      return sent.call
    },
  }
}

interface SentCall {
  readonly tool: string
  readonly args: unknown
  readonly call: WatchedCall
}

function open(
  options: RecordingOptions,
  serverName: () => string | undefined,
  tool: string,
  message: McpMessage,
  more: { readonly callRef?: string; readonly causedBy?: string },
): OpenTool {
  const { agents = defaultAgents(), tools = {} } = options
  const said = typeof tools === 'function' ? tools(tool) : tools
  const server = options.name ?? serverName()
  return agents.recorder.startTool({
    ...toolCallOf(tool, { ...agents.toolDefaults, ...said }),
    args: paramsOf(message)['arguments'],
    transport: 'mcp',
    ...(server === undefined ? {} : { server }),
    ...more,
  })
}

/** Nothing is told here; what travels names the cause. */
function unrecorded(
  context: RequestContext | undefined,
  causedBy: string | undefined,
  callRef: string,
): WatchedCall {
  return {
    within: (work) =>
      context === undefined || causedBy === undefined
        ? work()
        : runWithContext({ ...context, caused_by: causedBy }, work),
    callRef,
    answered: (_response, pass) => pass(),
    ended() {},
  }
}

function watched(row: OpenTool, callRef?: string): WatchedCall {
  return {
    within: (work) => row.within(work),
    callRef,
    answered(response, pass) {
      const failure = failureIn(response)
      const more = isInputWanted(response) ? { isInputRequired: true } : {}
      if (failure === undefined) row.succeeded(withoutMeta(response.result), more)
      else row.failed(failure)
      pass()
    },
    ended: (how) => row.failed(new McpCallEnded(how)),
  }
}

/** The name of the tool, where the message is a call of one. */
function toolOf(message: McpMessage): string | undefined {
  const { name } = paramsOf(message)
  return message.method === 'tools/call' && typeof name === 'string' ? name : undefined
}

/** A call that got no answer. */
class McpCallEnded extends Error {
  override readonly name = 'McpCallEnded'
  readonly code: CallEnd
  constructor(how: CallEnd) {
    super(`the call was ${how}`)
    this.code = how
  }
}

/** What the protocol, or the tool in the protocol's way, says went wrong. */
class McpToolError extends Error {
  override readonly name = 'McpToolError'
  readonly code: unknown
  constructor(message: string, code?: unknown) {
    super(message)
    this.code = code
  }
}

function failureIn({ error, result }: McpMessage): McpToolError | undefined {
  if (isObject(error)) return new McpToolError(String(error['message']), error['code'])
  if (!isObject(result) || result['isError'] !== true) return undefined
  const content: readonly unknown[] = Array.isArray(result['content']) ? result['content'] : []
  const texts = content.map((part) =>
    isObject(part) && typeof part['text'] === 'string' ? part['text'] : '',
  )
  return new McpToolError(texts.join('\n'), 'isError')
}

function isInputWanted({ result }: McpMessage): boolean {
  return isObject(result) && result['resultType'] === 'input_required'
}

/** What the tool answered, without what the protocol says beside it, so that both sides make the same digest of it. */
function withoutMeta(result: unknown): unknown {
  if (!isObject(result)) return result
  const { _meta: _, resultType: __, ...rest } = result
  return rest
}
