// SPDX-License-Identifier: Apache-2.0
import type { Agents } from '../agents.ts'
import { defaultAgents } from '../default-agents.ts'
import { isThenable } from '../when-done.ts'
import { checkedToolOptions, recordedTool, toolCallOf, type ToolOptions } from '../wrap-tool.ts'

export interface AiSdkToolOptions extends ToolOptions {
  /** Default: those of the process. */
  readonly agents?: Agents
  /** What holds for single tools. */
  readonly each?: Readonly<Record<string, ToolOptions>>
}

interface CallOptions {
  readonly toolCallId?: string
}

/** A tool of the AI SDK, as far as it is of interest here. */
interface AiTool {
  readonly execute?: (input: unknown, options: CallOptions) => unknown
  readonly needsApproval?: boolean | ((input: unknown, options: CallOptions) => unknown)
}

/**
 * The same tools, with a row for each time that one is executed, caused by the call of the model that asked for it; and a row APPROVAL_REQUESTED where a tool
 * says that it needs to be approved. Use it with `modelMiddleware`. Nothing is changed in `tools`; whatever else a tool has, its twin has too.
 */
export function instrumentTools<Tools extends object>(tools: Tools, options: AiSdkToolOptions = {}): Tools {
  const { agents, each = {}, ...common } = options
  checkedToolOptions(common)
  for (const one of Object.values(each)) checkedToolOptions(one)
  const twins = Object.entries(tools).map(([name, tool]) => {
    const own = Object.hasOwn(each, name) ? each[name] : {}
    return [name, twinOf(name, tool as AiTool, () => agents ?? defaultAgents(), { ...common, ...own })]
  })
  return Object.fromEntries(twins) as Tools
}

function twinOf(name: string, tool: AiTool, agentsOf: () => Agents, options: ToolOptions): AiTool {
  const { execute, needsApproval } = tool
  const twin = Object.create(
    Object.getPrototypeOf(tool) as object,
    Object.getOwnPropertyDescriptors(tool),
  ) as AiTool
  const put = (member: keyof AiTool, value: unknown): void =>
    void Object.defineProperty(twin, member, { value, enumerable: true, configurable: true, writable: true })
  const referred = (given: CallOptions | undefined): { callRef?: string } =>
    typeof given?.toolCallId === 'string' ? { callRef: given.toolCallId } : {}

  if (typeof execute === 'function')
    put('execute', function executed(this: unknown, input: unknown, given: CallOptions): unknown {
      const { recorder, toolDefaults } = agentsOf()
      const open = recorder.startTool({
        ...toolCallOf(name, { ...toolDefaults, ...options }),
        ...referred(given),
        args: input,
      })
      return recordedTool(open, () => Reflect.apply(execute, this, [input, given]))
    })
  if (needsApproval !== undefined && needsApproval !== false)
    put('needsApproval', function asked(this: unknown, input: unknown, given: CallOptions): unknown {
      const tell = (isNeeded: unknown): unknown => {
        if (isNeeded === true)
          agentsOf().recorder.approvalRequested({ tool: name, args: input, ...referred(given) })
        return isNeeded
      }
      const answer: unknown =
        typeof needsApproval === 'function'
          ? Reflect.apply(needsApproval, this, [input, given])
          : needsApproval
      return isThenable(answer) ? answer.then(tell) : tell(answer)
    })
  return twin
}
