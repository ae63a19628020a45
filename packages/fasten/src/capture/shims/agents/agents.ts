// SPDX-License-Identifier: Apache-2.0
import { currentContext, runWithContext, type RequestContext } from '../../context.ts'
import { mintID } from '../../request-id.ts'
import { createApproval, type Approval } from './approval.ts'
import { createAgentRecorder, type AgentRecorder, type RecorderOptions } from './recorder.ts'
import { createAskedCalls, runWithin } from './run.ts'
import { whenDone } from './when-done.ts'
import { checkedToolOptions, createToolWrapper, type ToolOptions, type ToolWrapper } from './wrap-tool.ts'

export interface AgentsOptions extends RecorderOptions {
  /** What holds for every tool that says nothing else. */
  readonly tools?: ToolOptions
}

export interface RunOptions {
  /**
   * The person it works for. Default: whoever the work in progress is for, else its actor. Say it from what was authenticated here; it never comes out of a
   * message.
   */
  readonly on_behalf_of?: string
  readonly onBehalfOf?: string
}

/** Agents, what they do and who let them, as rows. */
export interface Agents {
  readonly recorder: AgentRecorder
  /**
   * Runs `work` as the agent `name`: rows made within name it as their actor, and the person it works for. Outside of any request an id is minted. Returns,
   * throws, resolves and rejects as `work` does.
   */
  agent<T>(name: string, options: RunOptions, work: () => T): T
  agent<T>(name: string, work: () => T): T
  /**
   * The same by order of the agent at work: a row AGENT_DELEGATED tells of it when it ends, and what the other agent does names that row as its cause. Another
   * process goes on with it when the ids are sent along (fasten/carrier).
   */
  delegate<T>(to: string, work: () => T): T
  /** The function with a row for each call; see `ToolWrapper`. */
  readonly tool: ToolWrapper
  /** `tools` of the options. */
  readonly toolDefaults: ToolOptions
  readonly approval: Approval
}

/** Agents with options of their own; those that this door exports have none until `configureAgents`. */
export function createAgents(options: AgentsOptions = {}): Agents {
  const recorder = createAgentRecorder(options)
  const defaults = checkedToolOptions(options.tools ?? {})

  function agent<T>(name: string, ...rest: [RunOptions, () => T] | [() => T]): T {
    const [given, work] = rest.length === 1 ? [{}, rest[0]] : rest
    if (typeof name !== 'string' || name === '')
      throw new TypeError('agent() takes the name of the agent first')
    if (typeof work !== 'function') throw new TypeError(`agent("${name}") takes the work to run last`)
    const around = currentContext()
    return inRun(name, personOf(around, given), around ?? { request_id: mintID() }, work)
  }

  function inRun<T>(name: string, person: string | undefined, around: RequestContext, work: () => T): T {
    const context: RequestContext = {
      ...around,
      actor: name,
      actor_kind: 'agent',
      method: 'agent_tool',
      ...(person === undefined ? {} : { on_behalf_of: person }),
    }
    return runWithContext(context, () => runWithin({ agent: name, asked: createAskedCalls() }, work))
  }

  return {
    recorder,
    agent,
    delegate(to, work) {
      if (typeof to !== 'string' || to === '')
        throw new TypeError('delegate() takes the name of the agent first')
      const open = recorder.startDelegation(to)
      return whenDone(
        () =>
          open.within(() => {
            const around = currentContext() ?? { request_id: mintID() }
            return inRun(to, personOf(around, {}), around, work)
          }),
        () => open.succeeded(),
        (error) => open.failed(error),
      )
    },
    tool: createToolWrapper(() => ({ recorder, defaults })),
    toolDefaults: defaults,
    approval: createApproval(recorder),
  }
}

function personOf(around: RequestContext | undefined, given: RunOptions): string | undefined {
  const named = given.on_behalf_of ?? given.onBehalfOf ?? around?.on_behalf_of
  return named ?? (around?.actor_kind === 'agent' ? undefined : around?.actor)
}
