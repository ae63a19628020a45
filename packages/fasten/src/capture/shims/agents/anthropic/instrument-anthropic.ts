// SPDX-License-Identifier: Apache-2.0
import {
  instrumentClient,
  patched,
  type ClientOptions,
  type ClientTarget,
  type Method,
} from '../model-api/instrument-client.ts'
import { recordedFunction, withRecordedTools, type ToldCall } from '../model-api/recorded-tools.ts'
import { twinWith } from '../twin.ts'
import { checkedToolOptions } from '../wrap-tool.ts'
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

interface RunnableTool {
  readonly name?: string
  readonly run?: Method
}

function runningTools(original: Method, options: ClientOptions): Method {
  return function toolRunner(this: unknown, ...args: never[]): unknown {
    const recorded = (tool: RunnableTool): RunnableTool => recordedRunnable(tool, options)
    return Reflect.apply(original, this, withRecordedTools(args, recorded))
  }
}

function recordedRunnable(tool: RunnableTool, options: ClientOptions): RunnableTool {
  const { name, run } = tool
  if (name === undefined || run === undefined) return tool
  return twinWith(tool, 'run', recordedFunction(name, run, options, toldOf))
}

function toldOf(input: unknown, context: unknown): ToldCall {
  const { toolUse } = Object(context) as { readonly toolUse?: { readonly id?: unknown } }
  const id = toolUse?.id
  return { args: input, ...(typeof id === 'string' ? { callRef: id } : { isUnnamed: true }) }
}
