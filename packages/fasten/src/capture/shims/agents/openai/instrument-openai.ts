// SPDX-License-Identifier: Apache-2.0
import { readJson } from '../../../../core/read-json.ts'
import { currentContext, runWithContext } from '../../../context.ts'
import { mintID } from '../../../request-id.ts'
import {
  instrumentClient,
  patched,
  type ClientOptions,
  type ClientTarget,
  type Method,
} from '../model-api/instrument-client.ts'
import { recordedFunction, withRecordedTools, type ToldCall } from '../model-api/recorded-tools.ts'
import { createAskedCalls, currentRun, runWithin } from '../run.ts'
import { twinWith } from '../twin.ts'
import { checkedToolOptions } from '../wrap-tool.ts'
import { openaiApi } from './openai-api.ts'

/**
 * A row for each request by which this client asks a model: chat completions, responses, completions, embeddings, streamed or not, by whatever helper they are
 * asked; and for each tool that `runTools` runs. Takes a client, or the class, for every client made from then on. In place: promises, streams and errors
 * are the client's own, and no request carries anything of ours. Doing it twice is doing it once; the answer undoes it.
 *
 * Of a streamed chat completion the usage is known only when the application asked for it (`stream_options: { include_usage: true }`); otherwise the row
 * says that it is unknown. A client with X.509 workload identity has a `fetch` that nobody can reach: it is not seen.
 */
export function instrumentOpenAI(target: ClientTarget, options: ClientOptions = {}): () => void {
  checkedToolOptions(options.tools ?? {})
  return instrumentClient(target, openaiApi, options, () => [
    patched(completionsOf(target), 'runTools', (original) => runningTools(original, options)),
  ])
}

interface HasCompletions {
  readonly chat?: { readonly completions?: object }
  readonly Chat?: { readonly Completions?: { readonly prototype: object } }
}

const completionsOf = (target: HasCompletions): object | undefined =>
  target.Chat?.Completions?.prototype ?? target.chat?.completions

interface RunnableTool {
  readonly function?: { readonly name?: string; readonly function?: Method }
  readonly $callback?: Method
}

/** The client does not tell a tool which call it serves: within a run of its own, it is the one that the model asked for. */
function runningTools(original: Method, options: ClientOptions): Method {
  return function runTools(this: unknown, ...args: never[]): unknown {
    const given = withRecordedTools<RunnableTool>(args, (tool) => recordedRunnable(tool, options))
    const run = currentRun() ?? { agent: 'agent', asked: createAskedCalls() }
    const context = currentContext() ?? { request_id: mintID() }
    return runWithContext(context, () => runWithin(run, () => Reflect.apply(original, this, given)))
  }
}

function recordedRunnable(tool: RunnableTool, options: ClientOptions): RunnableTool {
  const { function: about, $callback } = tool
  const name = about?.name ?? about?.function?.name
  if (about === undefined || name === undefined || name === '') return tool
  const recorded = (fn: Method): Method => recordedFunction(name, fn, options, toldOf)
  if ($callback !== undefined) return twinWith(tool, '$callback', recorded($callback))
  if (about.function === undefined) return tool
  return twinWith(tool, 'function', twinWith(about, 'function', recorded(about.function)))
}

const toldOf = (given: unknown): ToldCall => ({ args: argumentsIn(given), isUnnamed: true })

/** A tool without a parser gets the text that the model wrote. */
function argumentsIn(given: unknown): unknown {
  if (typeof given !== 'string') return given
  try {
    return readJson(given)
  } catch {
    // The model wrote something that is no JSON; the text it is.
    return given
  }
}
