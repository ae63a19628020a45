// SPDX-License-Identifier: Apache-2.0
import { defaultAgents } from '../default-agents.ts'
import {
  instrumentClient,
  patched,
  type ClientOptions,
  type ClientTarget,
  type Method,
} from '../model-api/instrument-client.ts'
import { disguised, twinWith } from '../twin.ts'
import { checkedToolOptions, recordedTool, toolCallOf } from '../wrap-tool.ts'
import { anthropicApi } from './anthropic-api.ts'

/**
 * A row for each request by which this client asks a model: messages, streamed or not, beta or not, by whatever helper they are asked; and for each tool that
 * `beta.messages.toolRunner` runs. Takes a client, or the class, for every client made from then on. In place: promises, streams and errors are the client's
 * own, and no request carries anything of ours. Doing it twice is doing it once; the answer undoes it.
 */
export function instrumentAnthropic(target: ClientTarget, options: ClientOptions = {}): () => void {
  checkedToolOptions(options.tools ?? {})
  return instrumentClient(target, anthropicApi, options, () => [
    patched(betaMessagesOf(target), 'toolRunner', (original) => runningTools(original, options)),
  ])
}

interface HasBeta {
  readonly beta?: { readonly messages?: object }
  readonly Beta?: { readonly Messages?: { readonly prototype: object } }
}

const betaMessagesOf = (target: HasBeta): object | undefined =>
  target.Beta?.Messages?.prototype ?? target.beta?.messages

interface RunBody {
  readonly tools?: readonly RunnableTool[]
}

interface RunnableTool {
  readonly name?: string
  readonly run?: Method
}

function runningTools(original: Method, options: ClientOptions): Method {
  return function toolRunner(this: unknown, ...args: never[]): unknown {
    const [body, ...rest] = args as unknown as [RunBody, ...unknown[]]
    const tools = body.tools?.map((tool) => recordedRunnable(tool, options))
    return Reflect.apply(original, this, [tools === undefined ? body : { ...body, tools }, ...rest])
  }
}

function recordedRunnable(tool: RunnableTool, { agents, tools }: ClientOptions): RunnableTool {
  const { name, run } = tool
  if (name === undefined || run === undefined) return tool
  const recorded = disguised(run, function called(this: unknown, ...args: never[]): unknown {
    const [input, context] = args as unknown as [
      unknown,
      { readonly toolUse?: { readonly id?: unknown } } | undefined,
    ]
    const id = context?.toolUse?.id
    const { recorder, toolDefaults } = agents ?? defaultAgents()
    const open = recorder.startTool({
      ...toolCallOf(name, { ...toolDefaults, ...tools }),
      args: input,
      ...(typeof id === 'string' ? { callRef: id } : { isUnnamed: true }),
    })
    return recordedTool(open, () => Reflect.apply(run, this, args))
  })
  return twinWith(tool, 'run', recorded)
}
