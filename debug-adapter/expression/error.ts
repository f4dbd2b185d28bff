/** What is wrong with an expression, in words for the person who typed it. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
}

export const syntaxError = (found: string, expected: string): ExpressionError =>
  new ExpressionError(`Expected ${expected}${found === '' ? ' at the end' : ` instead of "${found}"`}.`);
export const badCharacter = (character: string): ExpressionError =>
  new ExpressionError(`"${character}" has no meaning here.`);
export const badNumber = (text: string): ExpressionError => new ExpressionError(`"${text}" is not a number.`);
export const unknownName = (name: string): ExpressionError =>
  new ExpressionError(`"${name}" is neither a register nor a symbol nor an argument of the current hypercall.`);
export const unknownRegister = (name: string): ExpressionError => new ExpressionError(`There is no register ${name}.`);
export const unknownMember = (name: string): ExpressionError => new ExpressionError(`There is no member "${name}".`);
export const divisionByZero = (): ExpressionError => new ExpressionError('Division by zero.');
export const unreadable = (address: string): ExpressionError => new ExpressionError(`Nothing is mapped at ${address}.`);
export const notAddressable = (): ExpressionError => new ExpressionError('& needs a symbol or a place in memory.');
export const notNumber = (name: string): ExpressionError =>
  new ExpressionError(`"${name}" is a structure; name one of its members.`);
export const unavailable = (name: string, reason: string): ExpressionError =>
  new ExpressionError(`${name} has no value here: ${reason}.`);
export const unknownType = (name: string): ExpressionError => new ExpressionError(`There is no type "${name}".`);
export const notComputable = (type: string): ExpressionError =>
  new ExpressionError(`Values of type ${type} can be shown, but not computed with.`);
export const incompleteType = (name: string): ExpressionError =>
  new ExpressionError(`The size of "${name}" is not known.`);
export const noElement = (index: bigint): ExpressionError => new ExpressionError(`There is no element ${index}.`);
export const tooDeep = (): ExpressionError => new ExpressionError('The expression is nested too deeply.');
export const badHitCondition = (text: string): ExpressionError =>
  new ExpressionError(`"${text}" is not a hit count; write 5, ==5, >=5, >5, <5, <=5 or %5.`);
