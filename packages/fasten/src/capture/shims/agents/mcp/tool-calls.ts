// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks'
import { isRequestId } from '../../../../core/ids.ts'
import { currentContext } from '../../../context.ts'
import { mintID } from '../../../request-id.ts'
import { defaultAgents } from '../default-agents.ts'
import type { Agents } from '../agents.ts'
import type { OpenTool } from '../recorder.ts'
import { currentRun } from '../run.ts'
import { toolCallOf, type ToolOptions } from '../wrap-tool.ts'
import { metaKey } from './mcp-carrier.ts'
import { isObject, metaOf, paramsOf, type McpMessage } from './message.ts'
import type { CallEnd, CallWatch, WatchedCall } from './tap.ts'

export interface RecordingOptions {
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

/** The same for the calls that a client sends. The reference of the row travels with the call, and the server's row has the same. */
export function recordSent(options: RecordingOptions, serverName: () => string | undefined): CallWatch {
  const goingOn = new AsyncLocalStorage<SentCall>()
  return {
    leaving(message) {
      const tool = toolOf(message)
      if (tool === undefined) return undefined
      const args = paramsOf(message)['arguments']
      const before = goingOn.getStore()
      if (before?.tool === tool && before.args === args) return before.call
      const asked = currentRun()?.asked.claim(tool, args)?.callRef
      const callRef = asked !== undefined && isRequestId(asked) ? asked : `mcp-${mintID()}`
      const row = open(options, serverName, tool, message, { callRef })
      const ending = watched(row, callRef)
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

function watched(row: OpenTool, callRef?: string): WatchedCall {
  return {
    within: (work) => row.within(work),
    callRef,
    answered(response, pass) {
      const failure = failureIn(response)
      if (failure === undefined) row.succeeded(withoutMeta(response.result))
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
