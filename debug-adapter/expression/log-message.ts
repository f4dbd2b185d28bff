import { ExpressionError } from './error.ts';
import { type Environment, evaluate } from './evaluator.ts';
import { formatValue } from './format.ts';

/**
 * Fills in a log message: `{expression}` becomes its value, `{expression:d}` in decimal, `\{` a brace. An expression
 * that fails shows why in its place, for a log point must not stop the machine.
 */
export async function formatLogMessage(template: string, environment: Environment): Promise<string> {
  const parts: string[] = [];
  let at = 0;
  for (const match of template.matchAll(/\\([{}])|\{([^{}]+)\}/g)) {
    parts.push(template.slice(at, match.index));
    at = match.index + match[0].length;
    parts.push(match[1] ?? (await fill(match[2] as string, environment)));
  }
  parts.push(template.slice(at));
  return parts.join('');
}

async function fill(text: string, environment: Environment): Promise<string> {
  const decimal = /:d$/.test(text);
  try {
    const value = await evaluate(decimal ? text.slice(0, -2) : text, environment);
    if (decimal && value.kind === 'number') return value.bits.toString();
    return (await environment.describe?.(value)) ?? formatValue(value);
  } catch (error) {
    if (error instanceof ExpressionError) return `<${error.message}>`;
    throw error;
  }
}
