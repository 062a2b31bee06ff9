"""What is made of a teacher's answers: views and their way back, fusion, and witnesses along a video."""
