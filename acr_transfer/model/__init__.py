"""The domain, once: every rule of ACR Transfer and every document that passes from one program to the next.

Stack configuration, components, command and policy pack import these modules. Only the documents need a
package beyond the standard library (pydantic), so `acr-transfer --help` imports none of them.
"""
