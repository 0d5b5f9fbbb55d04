"""Mutation testing of brickwork's own rooms: which small faults in the code would no test notice?"""
