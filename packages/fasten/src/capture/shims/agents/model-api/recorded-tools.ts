// SPDX-License-Identifier: Apache-2.0
import { defaultAgents } from '../default-agents.ts'
import type { ToolCall } from '../recorder.ts'
import { disguised } from '../twin.ts'
import { recordedTool, toolCallOf } from '../wrap-tool.ts'
import type { ClientOptions, Method } from './instrument-client.ts'

/** What a call of a tool was given, and which of the model's calls it serves, where the client says so. */
export type ToldCall = Pick<ToolCall, 'args' | 'callRef' | 'isUnnamed'>

/** The arguments of a client's method that runs tools, with each tool in its body recorded; the caller's own objects stay as they are. */
export function withRecordedTools<Tool>(args: never[], recorded: (tool: Tool) => Tool): never[] {
  const [body, ...rest] = args as unknown as [{ readonly tools?: readonly Tool[] }, ...unknown[]]
  const tools = body.tools?.map(recorded)
  return [tools === undefined ? body : { ...body, tools }, ...rest] as never[]
}

/** The function of a tool that a client runs, with a row for each call. `toldOf` reads what it is called with. */
export function recordedFunction(
  name: string,
  fn: Method,
  { agents, tools }: ClientOptions,
  toldOf: (...args: readonly unknown[]) => ToldCall,
): Method {
  return disguised(fn, function called(this: unknown, ...args: never[]): unknown {
    const { recorder, toolDefaults } = agents ?? defaultAgents()
    const open = recorder.startTool({
      ...toolCallOf(name, { ...toolDefaults, ...tools }),
      ...toldOf(...args),
    })
    return recordedTool(open, () => Reflect.apply(fn, this, args))
  })
}
