"""The claims of the five papers, CL-01 to CL-57, and what decides each; one file for each paper.

Parts that are lists are one list for each data set, of which those are judged that have numbers. A claim
about faces is judged on ours, cut at 160 pixels, whatever the paper cut. A system that no paper names, such
as a step of a sweep, is called here as its experiment has to call it.
"""

from report.claims import cqfg, flow_ae, glf, learned_prior, pga

CLAIMS = [*glf.CLAIMS, *learned_prior.CLAIMS, *flow_ae.CLAIMS, *cqfg.CLAIMS, *pga.CLAIMS]
